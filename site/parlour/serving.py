"""The server: uvicorn with our own protocols, our limits, and an early word when it stops."""

import asyncio
import socket
from collections.abc import Callable
from typing import Literal

import uvicorn
from litestar.types import ASGIApp

from parlour.http_limits import LimitedHttp
from parlour.live.wire import Wire

GRACE_S = 5  # how long answers that are under way may take when the server stops
CUT_S = GRACE_S - 1.0  # when readers who take nothing are cut, so that no application has to be cancelled
KEEP_ALIVE_S = 30  # an idle connection between two requests
BACKLOG = 2048  # connections that may wait to be accepted; a restart brings everybody back at once

LogLevel = Literal["critical", "error", "warning", "info", "debug", "trace"]


class Server(uvicorn.Server):
    """uvicorn's server; `ready` is set once it listens, and `on_shutdown` runs before it waits for anyone."""

    def __init__(self, config: uvicorn.Config, on_shutdown: Callable[[], None], listener: socket.socket | None) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self._on_shutdown = on_shutdown
        self._listeners = None if listener is None else [listener]

    @property
    def port(self) -> int:
        """The port that is bound, also where 0 was asked for."""
        return int(self.servers[0].sockets[0].getsockname()[1])

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        await super().serve(sockets or self._listeners)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # The lifespan's own end comes once every answer has ended, and an endless one has to be told before.
        self._on_shutdown()
        cut = asyncio.get_running_loop().call_later(CUT_S, self._cut)
        await super().shutdown(sockets)
        cut.cancel()

    def _cut(self) -> None:
        for connection in tuple(self.server_state.connections):
            connection.transport.abort()


def make_server(
    app: ASGIApp,
    *,
    host: str,
    port: int,
    trusted_proxies: tuple[str, ...],
    log_level: LogLevel = "warning",
    sock: socket.socket | None = None,
    on_shutdown: Callable[[], None] = lambda: None,
) -> Server:
    """A server for `app`, not running yet: `server.run()`, or `await server.serve()` in a loop of one's own.

    It listens on `sock` where one is given. X-Forwarded headers are believed from `trusted_proxies` alone.
    `on_shutdown` runs in the loop as soon as the server is told to stop.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=LimitedHttp,
        ws=Wire,
        ws_ping_interval=None,  # the wire has the kernel watch for dead peers, which costs no timer a socket
        interface="asgi3",
        lifespan="on",
        log_config=None,
        log_level=log_level,
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )
    return Server(config, on_shutdown, sock)
