"""The database: the schema's base, reading, and transactions that hand on what was announced once it is committed."""

import asyncio
import contextlib
import logging
import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Literal, Protocol, TypeVar

import asyncpg
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
    text,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import ConnectionPoolEntry

from parlour.errors import Unavailable
from parlour.events import Event
from parlour.lending import Lending

log = logging.getLogger(__name__)

CONNECTIONS_AT_MOST = 8  # that read, and as many that write
WAIT_FOR_CONNECTION_S = 10
SQLITE_BUSY_MS = 10_000  # how long the writer of another process is waited for
SQLITE_LOOK_AGAIN_S = 0.01
RETRY_AFTER_S = 2
IDS_AT_ONCE = 5_000  # in one question
Id = TypeVar("Id")

TAKE_TURN = text("SELECT pg_advisory_xact_lock(hashtextextended(:subject, 0))")
ANSWER_WITHIN_S = 20  # a statement; on a line that died without a word nobody waits for ever
# A transaction of another process that stands still must not make everybody wait for its locks.
SERVER_LIMITS = {"lock_timeout": "8s", "idle_in_transaction_session_timeout": "15s"}
# SQLSTATE: what PostgreSQL says of itself or of the moment, and not of what we asked.
OUTAGES = ("08", "25P03", "40", "53", "55P03", "57", "58")

BROKEN_FILE = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)

Isolation = Literal["AUTOCOMMIT", "READ COMMITTED"]
Publish = Callable[[Sequence[Event]], None]
Values = Mapping[str, object] | Sequence[Mapping[str, object]]


class DamagedDatabase(Unavailable):
    """The file of an embedded database cannot be read as one."""


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

    def __init__(self, execute: Execute, *, alone: bool) -> None:
        super().__init__(execute)
        self._announced: list[Event] = []
        self._afterwards: list[Callable[[], None]] = []
        self._alone = alone  # no other transaction writes meanwhile

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


def connect(url: str, publish: Publish) -> Database:
    """The database at `sqlite:///FILE` or `postgresql://…`. Raises ValueError, with a sentence, for any other URL."""
    file = sqlite_file(url)
    if file:
        return SQLite(URL.create("sqlite+pysqlite", database=str(file)), publish)
    return PostgreSQL(postgres_address(url), publish)


def portions(ids: Collection[Id]) -> Iterator[list[Id]]:
    """No more of them than a database takes in one question."""
    every = list(ids)
    for start in range(0, len(every), IDS_AT_ONCE):
        yield every[start : start + IDS_AT_ONCE]


def sqlite_file(url: str) -> Path | None:
    """The file of an embedded database; None for a server. Raises ValueError, with a sentence, for what is neither."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:  # whose own words would tell the password
        raise ValueError("The database's URL cannot be read; use sqlite:///FILE or postgresql://….") from error
    name = parsed.drivername.partition("+")[0]
    if name == "sqlite" and parsed.database and parsed.database != ":memory:":
        return Path(parsed.database)
    if name in ("postgresql", "postgres"):
        return None
    raise ValueError(f"{name!r} is no database that Parlour knows; use sqlite:///FILE or postgresql://….")


def postgres_address(url: str) -> str:
    """The URL as PostgreSQL's own programs write it, whatever driver was named in it."""
    return "postgresql://" + url.partition("://")[2]


class SQLite(Database):
    """The embedded database, asked from the event loop itself.

    A look takes less time than handing it to a thread and back would. Only what waits for the disk, the end of a
    transaction, happens in a thread. One transaction writes at a time, and others wait their turn in order.
    """

    is_sqlite = True

    def __init__(self, url: URL, publish: Publish) -> None:
        self._publish = publish
        # The writer never waits inside SQLite, which would hold up the event loop.
        self._read_engine, self._write_engine = _sqlite_engine(url, SQLITE_BUSY_MS), _sqlite_engine(url, 0)
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
            async with self._writer() as connection:
                transaction = Transaction(_at_once(connection), alone=True)
                yield transaction
                await _wholly(self._commit(connection, transaction))

    async def run_in_transaction(self, work: Callable[[Connection], None]) -> None:
        with _refused_when_down():
            async with self._writer() as connection:
                work(connection)
                await self._on_disk(connection, "COMMIT")

    async def close(self) -> None:
        self._disk.shutdown()
        for connection in (self._looking, self._writing):
            if connection:
                connection.close()
        self._read_engine.dispose()
        self._write_engine.dispose()

    @asynccontextmanager
    async def _writer(self) -> AsyncIterator[Connection]:
        """The one connection that writes, in a transaction; what is not committed in the end is undone."""
        async with self._turn:
            connection = self._writing = self._writing or self._write_engine.connect()
            try:
                await self._begin(connection)
                yield connection
            except BaseException:
                with contextlib.suppress(OperationalError):  # nothing was begun, or it is committed
                    connection.exec_driver_sql("ROLLBACK")
                raise

    async def _begin(self, connection: Connection) -> None:
        """Begins as the writer, since one that began by reading could find another one before it."""
        give_up_at = time.monotonic() + SQLITE_BUSY_MS / 1000
        while True:
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                return
            except OperationalError as error:
                if _sqlite_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() >= give_up_at:
                    raise
            await asyncio.sleep(SQLITE_LOOK_AGAIN_S)

    async def _commit(self, connection: Connection, transaction: Transaction) -> None:
        await self._on_disk(connection, "COMMIT")
        transaction.end_well(self._publish)

    async def _on_disk(self, connection: Connection, statement: str) -> None:
        await asyncio.get_running_loop().run_in_executor(self._disk, connection.exec_driver_sql, statement)


class PostgreSQL(Database):
    """A database server. Reading needs no transaction, and beginning one would cost as much as the look itself."""

    is_sqlite = False

    def __init__(self, address: str, publish: Publish) -> None:
        self._publish = publish
        self._address = address
        self._readers, self._writers = self._lending("AUTOCOMMIT"), self._lending("READ COMMITTED")

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Reading]:
        with _refused_when_down():
            async with self._readers.lend() as connection:
                yield Reading(connection.execute)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        with _refused_when_down():
            async with self._writers.lend() as connection:
                transaction = Transaction(connection.execute, alone=False)
                yield transaction
                await _wholly(self._commit(connection, transaction))

    async def run_in_transaction(self, work: Callable[[Connection], None]) -> None:
        # A migration may take longer than any other statement, and wait for one that runs elsewhere.
        engine = create_async_engine(
            "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(self._address), poolclass=NullPool
        )
        with _refused_when_down():
            async with engine.begin() as connection:
                await connection.run_sync(work)

    async def close(self) -> None:
        await self._readers.close()
        await self._writers.close()

    def _lending(self, isolation: Isolation) -> Lending:
        engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self._connect,
            pool_size=CONNECTIONS_AT_MOST,
            max_overflow=0,
            isolation_level=isolation,
        )
        return Lending(engine, CONNECTIONS_AT_MOST, WAIT_FOR_CONNECTION_S)

    async def _connect(self) -> asyncpg.Connection:
        return await asyncpg.connect(
            self._address,
            timeout=WAIT_FOR_CONNECTION_S,
            command_timeout=ANSWER_WITHIN_S,
            server_settings=SERVER_LIMITS,
        )

    async def _commit(self, connection: AsyncConnection, transaction: Transaction) -> None:
        await connection.commit()
        transaction.end_well(self._publish)


def _sqlite_engine(url: URL, busy_ms: int) -> Engine:
    engine = create_engine(url, connect_args={"check_same_thread": False}, poolclass=NullPool)
    event.listen(engine, "connect", partial(_prepare_sqlite, busy_ms))
    return engine


def _prepare_sqlite(busy_ms: int, connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={SQLITE_BUSY_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={busy_ms}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_code(error: DBAPIError) -> int | None:
    """What SQLite calls it, such as SQLITE_BUSY where another process writes to the file."""
    return error.orig.sqlite_errorcode & 0xFF if isinstance(error.orig, sqlite3.Error) else None


def _at_once(connection: Connection) -> Execute:
    async def execute(statement: Executable, values: Values | None = None) -> Result[tuple[object, ...]]:
        return connection.execute(statement, values)

    return execute


async def _wholly(work: Coroutine[object, object, None]) -> None:
    """Does `work` to its end, also when whoever waits for it is cancelled; the cancellation goes on afterwards."""
    task = asyncio.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    error_of_work = task.exception()
    if cancelled:
        raise cancelled from error_of_work


@contextlib.contextmanager
def _refused_when_down() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if _sqlite_code(error) in BROKEN_FILE:
            log.error("The database's file is damaged, or is no database: %s", error.orig)
            raise DamagedDatabase(RETRY_AFTER_S) from error
        if not _is_outage(error):
            raise
        log.warning("The database cannot do that now: %s", error.orig)
        raise Unavailable(RETRY_AFTER_S) from error
    except OSError as error:
        log.warning("The database cannot be reached: %s", error or "it took too long")
        raise Unavailable(RETRY_AFTER_S) from error


def _is_outage(error: DBAPIError) -> bool:
    """Whether the database is to blame, and not what it was asked."""
    if error.connection_invalidated or isinstance(error, OperationalError):
        return True
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        wrong_value = error.orig is not None and isinstance(error.orig.__cause__, ValueError)
        return isinstance(error, InterfaceError) and not wrong_value
    return str(state).startswith(OUTAGES)
