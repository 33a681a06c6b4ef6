"""The database: the schema's base, reading, and transactions that hand on what was announced once it is committed."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    DateTime,
    Dialect,
    Executable,
    Integer,
    MetaData,
    TypeDecorator,
    event,
    make_url,
)
from sqlalchemy.engine import Connection, CursorResult
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import ConnectionPoolEntry

from parlour.errors import Unavailable
from parlour.events import Event

CONNECTIONS_AT_MOST = 16
WAIT_FOR_CONNECTION_S = 10
SQLITE_BUSY_MS = 10_000
RETRY_AFTER_S = 2

Publish = Callable[[Sequence[Event]], None]


class UTCDateTime(TypeDecorator[datetime]):
    """An aware time in UTC on both databases; SQLite itself knows no zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without its zone must not reach the database")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class Base(DeclarativeBase):
    """What every table has in common: names of constraints that migrations can rely on."""

    type_annotation_map = {  # noqa: RUF012 — SQLAlchemy's own way to say it
        datetime: UTCDateTime,
        int: BigInteger().with_variant(Integer, "sqlite"),  # SQLite numbers rows by itself only where it says INTEGER
    }
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Reading:
    """A connection that only looks."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def execute(
        self, statement: Executable, values: Mapping[str, object] | Sequence[Mapping[str, object]] | None = None
    ) -> CursorResult[tuple[object, ...]]:
        return await self._connection.execute(statement, values)

    @property
    def is_sqlite(self) -> bool:
        return self._connection.dialect.name == "sqlite"


class Transaction(Reading):
    """A connection that writes; all of it is committed, or nothing is."""

    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection)
        self.announced: list[Event] = []

    def announce(self, happened: Event) -> None:
        """Tells every process, once this is committed."""
        self.announced.append(happened)


class Database:
    """SQLite or PostgreSQL, by URL. On SQLite one transaction writes at a time, and others wait their turn in order."""

    def __init__(self, url: str, publish: Publish) -> None:
        self._publish = publish
        self._engine, self._writing = _engines(url)
        self._turn: contextlib.AbstractAsyncContextManager[object] = (
            asyncio.Lock() if self.is_sqlite else contextlib.nullcontext()
        )

    @property
    def is_sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Reading]:
        """Raises Unavailable when the database does not answer."""
        with _refused_when_down():
            async with self._engine.connect() as connection:
                yield Reading(connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Commits at the end, then publishes what was announced. Raises Unavailable when the database does not answer."""
        with _refused_when_down():
            async with self._turn, self._writing.begin() as connection:
                transaction = Transaction(connection)
                yield transaction
        if transaction.announced:
            self._publish(transaction.announced)

    async def run_in_transaction(self, work: Callable[[Connection], None]) -> None:
        """Runs synchronous work, such as a migration, in one transaction."""
        async with self._turn, self._writing.begin() as connection:
            await connection.run_sync(work)

    async def close(self) -> None:
        await self._engine.dispose()
        await self._writing.dispose()


def async_url(url: str) -> str:
    """The URL with the driver that we use. Raises ValueError with a sentence where it names no database of ours."""
    parsed = make_url(url)
    drivers = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
    name = parsed.drivername.partition("+")[0]
    if name not in drivers or (name == "sqlite" and not parsed.database):
        raise ValueError(f"{name!r} is no database that Parlour knows; use sqlite:///FILE or postgresql://…")
    return parsed.set(drivername=drivers[name]).render_as_string(hide_password=False)


def _engines(url: str) -> tuple[AsyncEngine, AsyncEngine]:
    """One for reading and one for transactions.

    Reading needs no transaction, and on either database beginning and ending one would cost more than the look.
    """
    url = async_url(url)
    if not url.startswith("sqlite"):
        writing = create_async_engine(
            url, pool_size=CONNECTIONS_AT_MOST, max_overflow=0, pool_timeout=WAIT_FOR_CONNECTION_S
        )
        return writing.execution_options(isolation_level="AUTOCOMMIT"), writing
    reading = create_async_engine(
        url, pool_size=CONNECTIONS_AT_MOST, max_overflow=0, pool_timeout=WAIT_FOR_CONNECTION_S, pool_reset_on_return=None
    )
    writing = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=WAIT_FOR_CONNECTION_S)
    for engine in (reading, writing):
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    # A transaction that begins by reading and then writes can find that another one was first; so it begins by writing.
    event.listen(writing.sync_engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return reading, writing


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={SQLITE_BUSY_MS}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


@contextlib.contextmanager
def _refused_when_down() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeoutError, ConnectionError, sqlite3.OperationalError) as error:
        raise Unavailable(RETRY_AFTER_S) from error
