"""The embedded database."""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial

from sqlalchemy import URL, Connection, Engine, Executable, NullPool, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from parlour.db.access import Database, Execute, Publish, Reading, Transaction
from parlour.db.often import Often, Values
from parlour.db.outages import refused_when_down, sqlite_code
from parlour.db.rows import Rows, fetched
from parlour.db.straight import execute_at_once
from parlour.db.wholly import wholly

SQLITE_BUSY_MS = 10_000  # how long the writer of another process is waited for
SQLITE_LOOK_AGAIN_S = 0.01


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
        with refused_when_down():
            self._looking = self._looking or self._read_engine.connect()
            yield Reading(_at_once(self._looking))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        with refused_when_down():
            async with self._writer() as connection:
                transaction = Transaction(_at_once(connection), alone=True)
                yield transaction
                await wholly(self._commit(connection, transaction))

    async def run_in_transaction(self, work: Callable[[Connection], None]) -> None:
        with refused_when_down():
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
                if sqlite_code(error.orig) != sqlite3.SQLITE_BUSY or time.monotonic() >= give_up_at:
                    raise
            await asyncio.sleep(SQLITE_LOOK_AGAIN_S)

    async def _commit(self, connection: Connection, transaction: Transaction) -> None:
        await self._on_disk(connection, "COMMIT")
        transaction.end_well(self._publish)

    async def _on_disk(self, connection: Connection, statement: str) -> None:
        await asyncio.get_running_loop().run_in_executor(self._disk, connection.exec_driver_sql, statement)


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
        "secure_delete=ON",  # what somebody takes back is gone from the file; it costs no time that one could measure
        f"busy_timeout={busy_ms}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _at_once(connection: Connection) -> Execute:
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        raise TypeError("SQLite's own driver was expected")

    async def execute(statement: Executable | Often, values: Values | None = None) -> Rows:
        if not isinstance(statement, Often):
            return fetched(connection.execute(statement, values))
        return execute_at_once(driver, statement, {} if values is None else values)

    return execute
