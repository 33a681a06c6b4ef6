"""The wire to one page: a WebSocket protocol for uvicorn, with a direct door for frames built once."""

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Protocol, TypedDict
from urllib.parse import unquote

from uvicorn._types import (
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    ASGISendEvent,
    WebSocketAcceptEvent,
    WebSocketSendEvent,
)
from uvicorn.config import Config
from uvicorn.protocols.utils import ClientDisconnected
from websockets.frames import CloseCode

from parlour.live.wire_frames import BINARY, make_frame, text_frame
from parlour.live.wire_handshake import (
    BadHandshake,
    Handshake,
    Headers,
    last_answer,
    plain_answer,
    read_handshake,
    welcome,
)
from parlour.live.wire_line import CLOSE_WAIT_S, Line
from parlour.live.wire_transport import watch_over

__all__ = ["Wire", "text_frame", "wire_of"]

LITESTAR_FAILURE = 4500  # what Litestar closes with when a handler raises; browsers would not come back after it

logger = logging.getLogger("uvicorn.error")


class Scope(TypedDict):
    """The ASGI scope of a socket; `extensions["parlour.wire"]` is the wire itself."""

    type: str
    asgi: dict[str, str]
    http_version: str
    scheme: str
    path: str
    raw_path: bytes
    query_string: bytes
    root_path: str
    headers: Headers
    client: tuple[str, int] | None
    server: tuple[str, int] | None
    subprotocols: list[str]
    state: dict[str, object]
    extensions: dict[str, object]


class Application(Protocol):
    """An ASGI application, as far as sockets go."""

    def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable, /
    ) -> Coroutine[None, None, None]: ...


class ServerState(Protocol):
    """What the connections of one server share."""

    connections: set[asyncio.Protocol]
    tasks: set[asyncio.Task[None]]
    default_headers: Headers


class Wire(Line):
    """One socket, as uvicorn drives it and as an ASGI application sees it."""

    __slots__ = ("__weakref__", "_accept", "_answer", "_app_state", "_config", "_server", "_socket")

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(_loop or asyncio.get_running_loop())
        self._config = config
        self._server = server_state
        self._app_state = app_state
        self._accept: bytes | None = None  # what answers the handshake's key, until it is answered
        self._answer: tuple[int, Headers, bytearray] | None = None  # the page that refuses it, as far as it was sent

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._server.connections.add(self)
        self._socket: socket.socket = transport.get_extra_info("socket")
        watch_over(self._socket)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._server.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        if self.opened:
            super().data_received(data)
        elif self._accept is None and not self.closing:
            self._begin(data)
        elif not self.closing:
            self._received += data

    def shutdown(self) -> None:
        """uvicorn calls this when the server stops; pages come back to the next one after 1012."""
        self.close(CloseCode.SERVICE_RESTART)

    def close(self, code: int, reason: str = "") -> None:
        if self.opened:
            super().close(code, reason)
        else:
            self._refuse(plain_answer(HTTPStatus.SERVICE_UNAVAILABLE, "Please try again in a moment."))

    async def receive(self) -> ASGIReceiveEvent:
        """The application's side of what the page says."""
        return await self.take()

    async def send(self, message: ASGISendEvent) -> None:
        """The application's side of what the page hears. Raises ClientDisconnected once nothing arrives."""
        if message["type"] == "websocket.send":
            await self._send_message(message)
        elif message["type"] == "websocket.close":
            self._close_for_application(message.get("code", CloseCode.NORMAL_CLOSURE), message.get("reason") or "")
        elif self.closing:
            raise ClientDisconnected
        elif message["type"] == "websocket.accept" and not self.opened and self._answer is None:
            self._welcome(message)
        elif message["type"] == "websocket.http.response.start" and not self.opened:
            self._answer = message["status"], list(message["headers"]), bytearray()
        elif message["type"] == "websocket.http.response.body" and self._answer is not None:
            self._add_to_answer(message["body"], message.get("more_body", False))
        else:
            raise RuntimeError(f"{message['type']} has no place here")

    def _begin(self, head: bytes) -> None:
        try:
            handshake = read_handshake(head.partition(b"\r\n\r\n")[0])
        except BadHandshake as bad:
            self._refuse(bad.answer)
            return
        self._accept = handshake.accept
        self.transport.pause_reading()  # nothing is said before the handshake is answered
        self._waiting.append({"type": "websocket.connect"})
        application: Application = self._config.loaded_app
        task = self._loop.create_task(application(self._scope(handshake), self.receive, self.send))
        self._server.tasks.add(task)
        task.add_done_callback(self._application_ended)

    async def _send_message(self, message: WebSocketSendEvent) -> None:
        await self.drain()
        if self.closing:
            raise ClientDisconnected
        if not self.opened:
            raise RuntimeError("the handshake has to be answered first")
        text, data = message.get("text"), message.get("bytes")
        self.write(text_frame(text.encode()) if text is not None else make_frame(BINARY, data or b""))

    def _welcome(self, message: WebSocketAcceptEvent) -> None:
        self.transport.write(welcome(self._accept or b"", message.get("headers", ()), message.get("subprotocol")))
        self._accept = None
        self.open()

    def _add_to_answer(self, body: bytes, more: bool) -> None:
        if self._answer is None:
            raise RuntimeError("an answer begins with its status")
        status, headers, so_far = self._answer
        so_far += body
        if not more:
            self._refuse(last_answer(status, [*self._server.default_headers, *headers], bytes(so_far)))

    def _close_for_application(self, code: int, reason: str) -> None:
        if not self.opened:
            self._refuse(plain_answer(HTTPStatus.FORBIDDEN, "This line is not open to you."))
        elif code == LITESTAR_FAILURE:
            logger.error("The application failed at a socket: %r", reason)
            self.close(CloseCode.INTERNAL_ERROR)
        else:
            self.close(code, reason)

    def _application_ended(self, task: asyncio.Task[None]) -> None:
        self._server.tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, ClientDisconnected):
            logger.error("The application failed at a socket", exc_info=error)
            self.close(CloseCode.INTERNAL_ERROR)
        elif task.cancelled():
            self.close(CloseCode.SERVICE_RESTART)
        else:
            self.close(CloseCode.NORMAL_CLOSURE)

    def _refuse(self, answer: bytes) -> None:
        """Answers the handshake by HTTP; no socket comes of it."""
        if self.closing:
            return
        self.closing = True
        self._end(CloseCode.ABNORMAL_CLOSURE, "")
        self.transport.write(answer)
        self._start_timer(CLOSE_WAIT_S, self.transport.abort)
        self.transport.close()

    def _scope(self, handshake: Handshake) -> Scope:
        root = self._config.root_path
        return {
            "type": "websocket",
            "asgi": {"version": self._config.asgi_version, "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "wss" if self.transport.get_extra_info("sslcontext") else "ws",
            "path": root + unquote(handshake.path.decode()),
            "raw_path": root.encode() + handshake.path,
            "query_string": handshake.query,
            "root_path": root,
            "headers": handshake.headers,
            "client": _address(self._socket.getpeername),
            "server": _address(self._socket.getsockname),
            "subprotocols": handshake.subprotocols,
            "state": self._app_state.copy(),
            "extensions": {"websocket.http.response": {}, "parlour.wire": self},
        }


def wire_of(scope: Mapping[str, object]) -> Wire:
    """The wire below a socket, out of its ASGI scope. Raises LookupError where another protocol runs it."""
    match scope.get("extensions"):
        case {"parlour.wire": Wire() as wire}:
            return wire
    raise LookupError("this socket is served by another protocol than the wire")


def _address(ask: Callable[[], object]) -> tuple[str, int] | None:
    """Host and port of one end of a connection; None where it has none, or is gone already."""
    try:
        match ask():
            case (str(host), int(port), *_):
                return host, port
    except OSError:
        pass
    return None
