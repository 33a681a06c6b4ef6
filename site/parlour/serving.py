"""The server: uvicorn with our own protocols, our limits, and an early word when it stops."""

import asyncio
import errno
import socket
from collections.abc import Callable, Sequence
from typing import Literal

import uvicorn
from litestar.types import ASGIApp

from parlour.http_limits import LimitedHttp
from parlour.live.wire import Wire
from parlour.porter import ON_SHUTDOWN

GRACE_S = 5  # how long answers that are under way may take when the server stops
CUT_S = GRACE_S - 1.0  # when readers who take nothing are cut, so that no application has to be cancelled
KEEP_ALIVE_S = 30  # an idle connection between two requests
BACKLOG = 2048  # connections that may wait to be accepted; a restart brings everybody back at once
EVERYWHERE = ("", "0.0.0.0", "::")  # nosec B104 — nothing is bound to these here
LOOPBACK = ("localhost", "127.0.0.1", "::1")
NOT_ON_THIS_MACHINE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)

LogLevel = Literal["critical", "error", "warning", "info", "debug", "trace"]


class Server(uvicorn.Server):
    """uvicorn's server; `ready` is set once it listens, and `on_shutdown` runs before it waits for anyone."""

    def __init__(
        self, config: uvicorn.Config, on_shutdown: Callable[[], None], listeners: Sequence[socket.socket]
    ) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self._on_shutdown = on_shutdown
        self._listeners = list(listeners)

    @property
    def port(self) -> int:
        """The port that is bound, also where 0 was asked for."""
        return int(self.servers[0].sockets[0].getsockname()[1])

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        await super().serve(sockets or self._listeners or None)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # The lifespan's own end comes once every answer has ended, and an endless one has to be told before.
        self._on_shutdown()
        self.lifespan.state.get(ON_SHUTDOWN, _nothing)()
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
    listeners: Sequence[socket.socket] = (),
    on_shutdown: Callable[[], None] = lambda: None,
) -> Server:
    """A server for `app`, not running yet: `server.run()`, or `await server.serve()` in a loop of one's own.

    It listens on `listeners` where they are given. X-Forwarded headers are believed from `trusted_proxies` alone.
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
    return Server(config, on_shutdown, listeners)


def listen(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen on one port of every address that `host` names; 0 means any free port. Raises OSError."""
    listeners: list[socket.socket] = []
    missing: OSError | None = None
    for family, _, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE):
        same_port = listeners[0].getsockname()[1] if listeners else port
        try:
            listeners.append(socket.create_server((str(address[0]), same_port), family=family, backlog=BACKLOG))
        except OSError as error:
            if error.errno not in NOT_ON_THIS_MACHINE:
                for listener in listeners:
                    listener.close()
                raise
            missing = error  # such as ::1 for localhost where there is no IPv6
    if missing and not listeners:
        raise missing
    return listeners


def address_of(host: str, port: int) -> str:
    """What to type into a browser on this machine to get to a server that listens there."""
    if host in EVERYWHERE or host in LOOPBACK:
        return f"http://localhost:{port}"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _nothing() -> None:
    """An application that need not be told."""
