"""A small application behind real wires, that shows a test what it hears."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar, WebSocket, websocket
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from parlour.live.wire import Wire
from parlour.serving import make_server
from running import running


@websocket("/echo")
async def echo(socket: WebSocket) -> None:
    await socket.accept()
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        if text is None:
            await socket.close(1003, f"{len(message['bytes'])} bytes of no text")
        else:
            await socket.send_text(text)


@websocket("/failing")
async def failing(socket: WebSocket) -> None:
    await socket.accept()
    raise ValueError("a secret of the house")


@websocket("/closed")
async def closed(socket: WebSocket) -> None:
    await socket.close(1008)


class Room:
    """What a test sees of the application's side."""

    def __init__(self) -> None:
        self.port = 0
        self.wires: list[Wire] = []
        self.heard: list[Message] = []
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

        async def receive_and_note() -> Message:
            message = await receive()
            self.heard.append(message)
            if message["type"] == "websocket.disconnect":
                self.left.set()
            return message

        if scope["type"] == "websocket":
            await self.plain.get(scope["path"], self.litestar)(scope, receive_and_note, send)
        else:
            await self.litestar(scope, receive, send)

    async def wire(self, count: int = 1) -> Wire:
        """The newest wire, once so many came in by the direct door."""
        async with self.entered:
            await self.entered.wait_for(lambda: len(self.wires) >= count)
        return self.wires[-1]

    def texts(self) -> list[str]:
        return [message["text"] for message in self.heard if message["type"] == "websocket.receive"]

    async def last_heard(self) -> Message:
        """How a line ended, for the application."""
        await asyncio.wait_for(self.left.wait(), 10)
        return self.heard[-1]

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
        wire = (scope["extensions"] or {})["parlour.wire"]
        assert isinstance(wire, Wire)
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
