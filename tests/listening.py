"""What a test does at a page's end of the socket."""

import asyncio
import json

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from people import hear

A_MOMENT_S = 0.3  # in which nothing must come


async def say_hello(socket: ClientConnection, after: int = 0) -> None:
    """The page's first words; returns when it has been told everything so far."""
    await socket.send(json.dumps({"after": str(after)}))
    await hear(socket, "#beat")


async def end_of(socket: ClientConnection) -> tuple[list[str], int]:
    """Whatever is still heard, and the close code."""
    heard: list[str] = []
    try:
        async with asyncio.timeout(10):
            while True:
                heard.append(str(await socket.recv()))
    except ConnectionClosed as closed:
        return heard, closed.rcvd.code if closed.rcvd else 1006


async def is_silent(socket: ClientConnection) -> bool:
    try:
        async with asyncio.timeout(A_MOMENT_S):
            await socket.recv()
    except TimeoutError:
        return True
    return False
