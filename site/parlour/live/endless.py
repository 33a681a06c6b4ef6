"""An answer without an end: HTML that is written as it comes about, to whoever takes it."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable

from litestar.types import ASGIApp, HTTPResponseBodyEvent, HTTPResponseStartEvent, Receive, Scope, Send

from parlour.porter import POLICY_IN_A_FRAME

HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": POLICY_IN_A_FRAME,
    "x-accel-buffering": "no",  # a proxy that gathers lines before it passes them on would make it no live page
}


def endless(lines: AsyncGenerator[str], gone: Callable[[], None], *, only_head: bool) -> ASGIApp:
    """The answer that writes these lines, until they end; `gone` is called once nobody listens any more.

    Whoever takes nothing holds the lines up, so that nothing gathers here; the protocol cuts them after a while.
    """

    async def answer(_scope: Scope, receive: Receive, send: Send) -> None:
        async with contextlib.aclosing(lines):
            first = "" if only_head else await anext(lines)  # a refusal comes before anything is sent
            await send(_start())
            leaving = asyncio.create_task(_wait_until_gone(receive, gone))
            try:
                if not only_head:
                    await send(_body(first.encode(), more=True))
                    async for line in lines:
                        await send(_body(line.encode(), more=True))
            finally:
                leaving.cancel()
        await send(_body(b"", more=False))

    return answer


async def _wait_until_gone(receive: Receive, gone: Callable[[], None]) -> None:
    while (await receive())["type"] != "http.disconnect":
        """What else could come is the rest of a body that nobody asked for."""
    gone()


def _start() -> HTTPResponseStartEvent:
    headers = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
    return {"type": "http.response.start", "status": 200, "headers": headers}


def _body(content: bytes, *, more: bool) -> HTTPResponseBodyEvent:
    return {"type": "http.response.body", "body": content, "more_body": more}
