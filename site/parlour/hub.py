"""Carries events to every process: inside this one, and between several through PostgreSQL's LISTEN/NOTIFY."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable, Sequence
from typing import Protocol

import asyncpg
import msgspec

from parlour.events import Event, HubReconnected

log = logging.getLogger(__name__)

CHANNEL = "parlour"
PAYLOAD_LIMIT = 7_500  # bytes; PostgreSQL takes 8,000
LOOK_AGAIN_S = 5.0  # how often the line is tried, so that one that died without a word is noticed
RECONNECT_S = 1.0

Heard = Callable[[Sequence[Event]], None]


class Hub(Protocol):
    """Hands each published event to the listener of every process, this one first and at once."""

    def listen(self, heard: Heard) -> None:
        """Says who is told. One listener a process; it must not block."""

    def publish(self, events: Sequence[Event]) -> None:
        """Tells everyone. Never waits: what another process misses, its own slow look repairs."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class LocalHub:
    """One process, so everyone is here."""

    def __init__(self) -> None:
        self._heard: Heard = _nobody

    def listen(self, heard: Heard) -> None:
        self._heard = heard

    def publish(self, events: Sequence[Event]) -> None:
        self._heard(events)

    async def start(self) -> None:
        """Nothing to open."""

    async def stop(self) -> None:
        """Nothing to close."""


class Parcel(msgspec.Struct, frozen=True):
    """What goes over the line: events, and the process that they come from, which has heard them already."""

    sender: str
    events: list[Event]


class PostgresHub:
    """Several processes on one PostgreSQL. The line is a connection of our own, and is opened again when it is lost."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._me = secrets.token_hex(8)
        self._heard: Heard = _nobody
        self._waiting: list[Event] = []
        self._more = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def listen(self, heard: Heard) -> None:
        self._heard = heard

    def publish(self, events: Sequence[Event]) -> None:
        self._heard(events)
        self._waiting += events
        self._more.set()

    async def start(self) -> None:
        self._task = asyncio.create_task(self._keep_line(), name="hub")

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _keep_line(self) -> None:
        while True:
            try:
                line = await asyncpg.connect(self._url)
                try:
                    await line.add_listener(CHANNEL, self._receive)
                    self._heard([HubReconnected()])
                    await self._send_over(line)
                finally:
                    line.terminate()
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
                log.warning("The line between processes is down, and is tried again: %s", error)
                await asyncio.sleep(RECONNECT_S)

    async def _send_over(self, line: asyncpg.Connection) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._more.wait(), LOOK_AGAIN_S)
            self._more.clear()
            waiting, self._waiting = self._waiting, []
            payloads = self._packed(waiting)
            await line.fetch("SELECT pg_notify($1, x) FROM unnest($2::text[]) x", CHANNEL, payloads)

    def _packed(self, events: list[Event]) -> list[str]:
        """The events in as few payloads as they fit into; none for no event."""
        if not events:
            return []
        payload = msgspec.json.encode(Parcel(self._me, events)).decode()
        if len(payload) <= PAYLOAD_LIMIT or len(events) == 1:
            return [payload]
        half = len(events) // 2
        return self._packed(events[:half]) + self._packed(events[half:])

    def _receive(self, _line: object, _pid: int, _channel: str, payload: str) -> None:
        try:
            parcel = msgspec.json.decode(payload, type=Parcel)
        except msgspec.DecodeError:
            log.warning("Another program, or another version of this one, speaks on our channel.")
            return
        if parcel.sender != self._me:
            self._heard(parcel.events)


def make_hub(database_url: str) -> Hub:
    """The hub that fits the database: with SQLite there is one process, with PostgreSQL there may be several."""
    if database_url.startswith("sqlite"):
        return LocalHub()
    return PostgresHub("postgresql://" + database_url.partition("://")[2])


def _nobody(_events: Sequence[Event]) -> None:
    """Before anyone listens."""
