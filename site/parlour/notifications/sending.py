"""Speaks to push services: one request, to an address that was checked, never further than that."""

import asyncio
import functools
import socket
import ssl
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from enum import Enum

import httpcore
import msgspec

from parlour.notifications.addresses import Reachable, is_public

CONNECTIONS_AT_MOST = 256
LOOK_UPS_AT_ONCE = 64
CONNECT_WITHIN_S = 4.0
ANSWER_WITHIN_S = 8.0
KEPT_OPEN_S = 30.0
ANSWER_LIMIT = 16 * 1024  # bytes; nobody reads them, but they must be out of the way for the next request
LONGEST_PAUSE_S = 60
DIGITS_AT_MOST = 9  # of a longer number the beginning is more than long enough
GONE = (404, 410)
LATER = (408, 425, 429)


class Outcome(Enum):
    """What became of a push."""

    TAKEN = "taken"
    GONE = "gone"  # nobody is reached there any more
    LATER = "later"  # it may go well another time
    REFUSED = "refused"


class Sent(msgspec.Struct, frozen=True):
    """What became of a push, and in how many seconds the service wants to be asked again where it said so."""

    outcome: Outcome
    reason: str
    pause_s: float = 0.0


class NotPublic(httpcore.ConnectError):
    """A name leads to where no push service is."""


class LookUps:
    """Looks names up in threads of its own, where a name server that is silent holds up nothing else of the house."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOK_UPS_AT_ONCE, "look-up")
        self._under_way: dict[tuple[str, int], asyncio.Future[list[str]]] = {}

    async def find(self, host: str, port: int) -> list[str]:
        """Every address of a host; none where it is not known. The same is asked for once at a time."""
        asked = self._under_way.get((host, port))
        if not asked:
            asked = asyncio.get_running_loop().run_in_executor(self._threads, _look_up, host, port)
            self._under_way[host, port] = asked
            asked.add_done_callback(lambda _: self._under_way.pop((host, port)))
        return await asyncio.shield(asked)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Connects to the very address that was checked, so that a name cannot lead elsewhere the second time."""

    def __init__(self, reachable: Reachable) -> None:
        self._reachable = reachable
        self._look_ups = LookUps()
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 — the library's own parameter
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._look_ups.find(host, port)
        if not self._reachable.excepts(host, port) and not all(map(is_public, addresses)):
            raise NotPublic(f"{host} leads to an address that is not public")
        failure: httpcore.ConnectError = httpcore.ConnectError(f"{host} is not known")
        for address in addresses:
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError as error:
                failure = error
        raise failure

    def close(self) -> None:
        self._look_ups.close()


class PushClient:
    """An HTTP client that follows no redirect, knows no proxy and keeps no cookie."""

    def __init__(self, reachable: Reachable) -> None:
        self._backend = CheckedBackend(reachable)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=_authorities(),
            max_connections=CONNECTIONS_AT_MOST,
            keepalive_expiry=KEPT_OPEN_S,
            network_backend=self._backend,
        )

    async def send(self, endpoint: str, headers: Mapping[bytes | str, bytes | str], body: bytes) -> Sent:
        """Pushes `body`. Never raises for what the other side does."""
        limits = {"connect": CONNECT_WITHIN_S, "read": ANSWER_WITHIN_S, "write": ANSWER_WITHIN_S}
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                asked = self._pool.stream(
                    "POST", endpoint, headers=headers, content=body, extensions={"timeout": limits}
                )
                async with asked as answer:
                    await _read_away(answer)
                    return _judge(answer)
        except NotPublic as error:
            return Sent(Outcome.GONE, str(error))
        except (
            httpcore.TimeoutException,
            httpcore.NetworkError,
            httpcore.ProtocolError,
            TimeoutError,
            OSError,
        ) as error:
            return Sent(Outcome.LATER, str(error) or type(error).__name__)
        except httpcore.UnsupportedProtocol as error:
            return Sent(Outcome.GONE, str(error))

    async def close(self) -> None:
        await self._pool.aclose()
        self._backend.close()


@functools.cache
def _authorities() -> ssl.SSLContext:
    """Whom we trust, read once in a process: that takes longer than a push."""
    return httpcore.default_ssl_context()


def _judge(answer: httpcore.Response) -> Sent:
    reason = f"answered {answer.status}"
    if answer.status in GONE:
        return Sent(Outcome.GONE, reason)
    if 200 <= answer.status < 300:
        return Sent(Outcome.TAKEN, reason)
    if answer.status in LATER or answer.status >= 500:
        said = next((value for name, value in answer.headers if name.lower() == b"retry-after"), b"")
        return Sent(Outcome.LATER, reason, min(int(said[:DIGITS_AT_MOST]), LONGEST_PAUSE_S) if said.isdigit() else 0.0)
    return Sent(Outcome.REFUSED, reason)


async def _read_away(answer: httpcore.Response) -> None:
    size = 0
    async for chunk in answer.aiter_stream():
        size += len(chunk)
        if size > ANSWER_LIMIT:
            return


def _look_up(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError):  # the second where a name cannot be spelt for the DNS
        return []
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
