"""The database: the schema's base, reading, and transactions that hand on what was announced once it is committed."""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Protocol

from sqlalchemy import (
    URL,
    BigInteger,
    Connection,
    DateTime,
    Dialect,
    Engine,
    Executable,
    Integer,
    MetaData,
    NullPool,
    Result,
    TypeDecorator,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import ConnectionPoolEntry

from parlour.errors import Unavailable
from parlour.events import Event

CONNECTIONS_AT_MOST = 16
WAIT_FOR_CONNECTION_S = 10
SQLITE_BUSY_MS = 10_000
RETRY_AFTER_S = 2

Publish = Callable[[Sequence[Event]], None]
Values = Mapping[str, object] | Sequence[Mapping[str, object]]


class Execute(Protocol):
    """Runs one statement."""

    def __call__(self, statement: Executable, values: Values | None = None, /) -> Awaitable[Result[tuple[object, ...]]]:
        """Raises what the driver raises."""


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

    def __init__(self, execute: Execute) -> None:
        self._execute = execute

    async def execute(self, statement: Executable, values: Values | None = None) -> Result[tuple[object, ...]]:
        """Runs one statement; a sequence of values runs it once for each."""
        return await self._execute(statement, values)


class Transaction(Reading):
    """A connection that writes; all of it is committed, or nothing is."""

    def __init__(self, execute: Execute) -> None:
        super().__init__(execute)
        self.announced: list[Event] = []

    def announce(self, happened: Event) -> None:
        """Tells every process, once this is committed."""
        self.announced.append(happened)


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


def connect(url: str, publish: Publish) -> Database:
    """The database at `sqlite:///FILE` or `postgresql://…`. Raises ValueError, with a sentence, for any other URL."""
    parsed = make_url(url)
    name = parsed.drivername.partition("+")[0]
    if name == "sqlite" and parsed.database:
        return SQLite(parsed.set(drivername="sqlite+pysqlite"), publish)
    if name in ("postgresql", "postgres"):
        return PostgreSQL(parsed.set(drivername="postgresql+asyncpg"), publish)
    raise ValueError(f"{name!r} is no database that Parlour knows; use sqlite:///FILE or postgresql://…")


class SQLite(Database):
    """The embedded database, asked from the event loop itself.

    A look takes less time than handing it to a thread and back would. Only what waits for the disk or for another
    process, the beginning and the end of a transaction, happens in a thread. One transaction writes at a time, and
    others wait their turn in order.
    """

    is_sqlite = True

    def __init__(self, url: URL, publish: Publish) -> None:
        self._publish = publish
        self._read_engine, self._write_engine = _sqlite_engine(url), _sqlite_engine(url)
        self._turn = asyncio.Lock()
        self._disk = ThreadPoolExecutor(1, "sqlite")
        self._looking: Connection | None = None
        self._writing: Connection | None = None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Reading]:
        with _refused_when_down():
            self._looking = self._looking or self._read_engine.connect()
            yield Reading(_at_once(self._looking))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        with _refused_when_down():
            async with self._turn:
                connection = self._writing = self._writing or self._write_engine.connect()
                # A transaction that began by reading could find another one before it; so it begins as a writer.
                await self._on_disk(connection, "BEGIN IMMEDIATE")
                try:
                    transaction = Transaction(_at_once(connection))
                    yield transaction
                except BaseException:
                    connection.exec_driver_sql("ROLLBACK")
                    raise
                await asyncio.shield(self._on_disk(connection, "COMMIT"))
        if transaction.announced:
            self._publish(transaction.announced)

    async def run_in_transaction(self, work: Callable[[Connection], None]) -> None:
        async with self._turn:
            connection = self._writing = self._writing or self._write_engine.connect()
            await self._on_disk(connection, "BEGIN IMMEDIATE")
            try:
                work(connection)
            except BaseException:
                connection.exec_driver_sql("ROLLBACK")
                raise
            await self._on_disk(connection, "COMMIT")

    async def close(self) -> None:
        for connection in (self._looking, self._writing):
            if connection:
                connection.close()
        self._read_engine.dispose()
        self._write_engine.dispose()
        self._disk.shutdown()

    async def _on_disk(self, connection: Connection, statement: str) -> None:
        await asyncio.get_running_loop().run_in_executor(self._disk, connection.exec_driver_sql, statement)


class PostgreSQL(Database):
    """A database server. Reading needs no transaction, and beginning one would cost as much as the look itself."""

    is_sqlite = False

    def __init__(self, url: URL, publish: Publish) -> None:
        self._publish = publish
        self._engine = create_async_engine(
            url, pool_size=CONNECTIONS_AT_MOST, max_overflow=0, pool_timeout=WAIT_FOR_CONNECTION_S
        )
        self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Reading]:
        with _refused_when_down():
            async with self._reading.connect() as connection:
                yield Reading(connection.execute)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        with _refused_when_down():
            async with self._engine.begin() as connection:
                transaction = Transaction(connection.execute)
                yield transaction
        if transaction.announced:
            self._publish(transaction.announced)

    async def run_in_transaction(self, work: Callable[[Connection], None]) -> None:
        async with self._engine.begin() as connection:
            await connection.run_sync(work)

    async def close(self) -> None:
        await self._engine.dispose()


def _sqlite_engine(url: URL) -> Engine:
    engine = create_engine(url, connect_args={"check_same_thread": False}, poolclass=NullPool)
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={SQLITE_BUSY_MS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _at_once(connection: Connection) -> Execute:
    async def execute(statement: Executable, values: Values | None = None) -> Result[tuple[object, ...]]:
        return connection.execute(statement, values)

    return execute


@contextlib.contextmanager
def _refused_when_down() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeoutError, ConnectionError) as error:
        raise Unavailable(RETRY_AFTER_S) from error
