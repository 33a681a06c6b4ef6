"""A small application behind real wires, that shows a test what it hears."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar, WebSocket, websocket
from litestar.datastructures import State
from litestar.types import ASGIApp, Receive, ReceiveMessage, Scope, Send

from parlour.live.wire import Wire, wire_of
from parlour.serving import make_server
from running import running


@websocket("/echo")
async def echo(socket: WebSocket[None, None, State]) -> None:
    await socket.accept()
    while True:
        match await socket.receive():
            case {"text": str(text)}:
                await socket.send_text(text)
            case {"bytes": bytes(data)}:
                await socket.close(1003, f"{len(data)} bytes of no text")
            case {"type": "websocket.disconnect"}:
                return


@websocket("/failing")
async def failing(socket: WebSocket[None, None, State]) -> None:
    await socket.accept()
    raise ValueError("a secret of the house")


@websocket("/closed")
async def closed(socket: WebSocket[None, None, State]) -> None:
    await socket.close(1008)


class Room:
    """What a test sees of the application's side."""

    def __init__(self) -> None:
        self.port = 0
        self.wires: list[Wire] = []
        self.texts: list[str] = []  # that the applications took
        self.ends: list[tuple[int, str]] = []  # code and reason of every line that ended
        self.entered = asyncio.Condition()  # somebody came in by the direct door
        self.left = asyncio.Event()  # somebody's line has ended
        self.listen = asyncio.Event()  # set: /sleepy begins to take what it was sent
        self.litestar: ASGIApp = Litestar([echo, failing, closed])
        self.plain = {
            "/404": self.answer_404,
            "/raise": self.raise_at_once,
            "/sleepy": self.be_sleepy,
            "/door": self.show_the_door,
        }

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Litestar for what Litestar does, plain ASGI for the rest."""

        async def receive_and_note() -> ReceiveMessage:
            message = await receive()
            self.note(message)
            return message

        await self.plain.get(scope.get("path", ""), self.litestar)(scope, receive_and_note, send)

    def note(self, message: ReceiveMessage) -> None:
        match message:
            case {"type": "websocket.receive", "text": str(text)}:
                self.texts.append(text)
            case {"type": "websocket.disconnect", "code": int(code), "reason": str(reason)}:
                self.ends.append((code, reason))
                self.left.set()

    async def wire(self, count: int = 1) -> Wire:
        """The newest wire, once so many came in by the direct door."""
        async with self.entered:
            await self.entered.wait_for(lambda: len(self.wires) >= count)
        return self.wires[-1]

    async def end(self) -> tuple[int, str]:
        """How a line ended, for the application: code and reason."""
        async with asyncio.timeout(10):
            await self.left.wait()
        return self.ends[-1]

    async def answer_404(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/plain")]
        await send({"type": "websocket.http.response.start", "status": 404, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": b"There is nothing ", "more_body": True})
        await send({"type": "websocket.http.response.body", "body": b"here.", "more_body": False})

    async def raise_at_once(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
        raise ValueError("a secret of the house")

    async def be_sleepy(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
        await self.listen.wait()
        await until_it_ends(receive)

    async def show_the_door(self, scope: Scope, receive: Receive, send: Send) -> None:
        wire = wire_of(scope)
        await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
        async with self.entered:
            self.wires.append(wire)
            self.entered.notify_all()
        del wire, scope
        await until_it_ends(receive)


async def until_it_ends(receive: Receive) -> None:
    while (await receive())["type"] != "websocket.disconnect":
        pass


@asynccontextmanager
async def a_room() -> AsyncIterator[Room]:
    """A room whose door is open at `room.port`."""
    room = Room()
    server = make_server(room.app, host="127.0.0.1", port=0, trusted_proxies=())
    async with running(server):
        room.port = server.port
        yield room
