"""What everybody works with: a connection that looks, one that writes, and the database that gives both."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

from sqlalchemy import Connection, Executable, text

from parlour.db.often import Often, Values
from parlour.db.rows import Rows
from parlour.events import Event

IDS_AT_ONCE = 5_000  # in one question
Id = TypeVar("Id")

TAKE_TURN = text("SELECT pg_advisory_xact_lock(hashtextextended(:subject, 0))")

Publish = Callable[[Sequence[Event]], None]


class Execute(Protocol):
    """Runs one statement."""

    def __call__(self, statement: Executable | Often, values: Values | None = None, /) -> Awaitable[Rows]:
        """Raises what the driver raises."""


class Reading:
    """A connection that only looks."""

    def __init__(self, execute: Execute) -> None:
        self._execute = execute

    async def execute(self, statement: Executable | Often, values: Values | None = None) -> Rows:
        """Runs one statement; a sequence of values runs it once for each."""
        return await self._execute(statement, values)


class Transaction(Reading):
    """A connection that writes; all of it is committed, or nothing is."""

    def __init__(self, execute: Execute, *, alone: bool) -> None:
        super().__init__(execute)
        self._announced: list[Event] = []
        self._afterwards: list[Callable[[], None]] = []
        self._alone = alone  # no other transaction writes meanwhile

    async def at_once(self, statement: Often, values: Mapping[str, object]) -> Rows:
        """Runs a statement that changes several tables, and is a whole transaction where a database can save the rest.

        Nothing may have been done before. What comes afterwards is another transaction, if anything does.
        """
        return await self.execute(statement, values)

    def announce(self, happened: Event) -> None:
        """Tells every process, once this is committed."""
        self._announced.append(happened)

    def once_committed(self, work: Callable[[], None]) -> None:
        """Does something in this process once this is committed, before anybody hears of what was announced."""
        self._afterwards.append(work)

    def end_well(self, publish: Publish) -> None:
        """Says that this is committed."""
        for work in self._afterwards:
            work()
        if self._announced:
            publish(self._announced)

    async def take_turn(self, subject: str) -> None:
        """Waits until no other transaction has its turn with this subject; ours lasts to the transaction's end."""
        if not self._alone:
            await self.execute(TAKE_TURN, {"subject": subject})


class Database(ABC):
    """SQLite or PostgreSQL: the same statements, the same transactions."""

    is_sqlite: bool

    @abstractmethod
    def reading(self) -> AbstractAsyncContextManager[Reading]:
        """Raises Unavailable when the database does not answer."""

    @abstractmethod
    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Commits at its end, then publishes what was announced. Raises Unavailable like `reading`."""

    @abstractmethod
    async def run_in_transaction(self, work: Callable[[Connection], None]) -> None:
        """Runs synchronous work, such as a migration, in one transaction."""

    @abstractmethod
    async def close(self) -> None:
        """Ends every connection."""


def portions(ids: Collection[Id], at_most: int = IDS_AT_ONCE) -> Iterator[list[Id]]:
    """No more of them at once than that; by default as many as a database takes in one question."""
    every = list(ids)
    for start in range(0, len(every), at_most):
        yield every[start : start + at_most]
