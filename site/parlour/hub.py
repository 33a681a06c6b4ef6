"""Carries events to every process: inside this one, and between several through PostgreSQL's LISTEN/NOTIFY."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable, Sequence
from typing import Protocol

import asyncpg
import msgspec

from parlour.db import postgres_address, sqlite_file
from parlour.events import Event, HubReconnected

log = logging.getLogger(__name__)

CHANNEL = "parlour"
PAYLOAD_LIMIT = 7_500  # bytes; PostgreSQL takes 8,000
SEND_EVERY_S = 0.01  # at most; what happens meanwhile goes together
LOOK_AGAIN_S = 5.0  # how often the line is tried, so that one that died without a word is noticed
ANSWER_WITHIN_S = 5.0
RECONNECT_S = 0.5
LAST_WORDS_S = 2.0
WAITING_AT_MOST = 10_000  # events that could not be sent yet

Heard = Callable[[Sequence[Event]], None]


class Hub(Protocol):
    """Hands each published event to the listener of every process, this one first and at once."""

    def listen(self, *heard: Heard) -> None:
        """Says who is told, in this order; none of them may block."""

    def publish(self, events: Sequence[Event]) -> None:
        """Tells everyone. Never waits: what another process misses, its own slow look repairs."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class LocalHub:
    """One process, so everyone is here."""

    def __init__(self) -> None:
        self._listeners: tuple[Heard, ...] = ()

    def listen(self, *heard: Heard) -> None:
        self._listeners = heard

    def publish(self, events: Sequence[Event]) -> None:
        for heard in self._listeners:
            heard(events)

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

    def __init__(self, address: str) -> None:
        self._address = address
        self._me = secrets.token_hex(8)
        self._listeners: tuple[Heard, ...] = ()
        self._waiting: list[Event] = []
        self._more = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def listen(self, *heard: Heard) -> None:
        self._listeners = heard

    def publish(self, events: Sequence[Event]) -> None:
        self._tell(events)
        self._waiting += events
        self._bound()
        self._more.set()

    async def start(self) -> None:
        self._task = asyncio.create_task(self._keep_line(), name="hub")

    async def stop(self) -> None:
        """What was published last still goes out, if that can be done soon."""
        self._stopping = True
        self._more.set()
        if self._task:
            await asyncio.wait({self._task}, timeout=LAST_WORDS_S)
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _keep_line(self) -> None:
        while self._waiting or not self._stopping:
            try:
                line = await asyncpg.connect(self._address, timeout=ANSWER_WITHIN_S, command_timeout=ANSWER_WITHIN_S)
                try:
                    line.add_termination_listener(lambda _line: self._more.set())
                    await line.add_listener(CHANNEL, self._receive)
                    self._tell([HubReconnected()])
                    await self._send_over(line)
                finally:
                    line.terminate()
            except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
                log.warning("The line between processes is down, and is tried again: %s", error or "no answer")
                await asyncio.sleep(RECONNECT_S)

    async def _send_over(self, line: asyncpg.Connection) -> None:
        """Sends what waits, until the hub stops. Raises what the driver raises once the line is lost."""
        while self._waiting or not self._stopping:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN_S):
                    await self._more.wait()
            self._more.clear()
            sending, self._waiting = self._waiting, []
            try:
                payloads = self._packed(sending)
                await line.fetch("SELECT pg_notify($1, x) FROM unnest($2::text[]) x", CHANNEL, payloads)
            except BaseException:
                self._waiting[:0] = sending  # others may hear it twice, but never not at all
                self._bound()
                self._more.set()
                raise
            await asyncio.sleep(SEND_EVERY_S)

    def _bound(self) -> None:
        if len(self._waiting) > WAITING_AT_MOST:
            # Nobody could be told for long; they are told to look at everything, instead of each thing.
            self._waiting = [HubReconnected()]

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
            self._tell(parcel.events)

    def _tell(self, events: Sequence[Event]) -> None:
        for heard in self._listeners:
            heard(events)


def make_hub(database_url: str) -> Hub:
    """The hub that fits the database: with SQLite there is one process, with PostgreSQL there may be several.

    Raises ValueError like `db.connect`.
    """
    return LocalHub() if sqlite_file(database_url) else PostgresHub(postgres_address(database_url))
