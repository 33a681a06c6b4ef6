"""The database server."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import asyncpg
from sqlalchemy import Connection, Executable, NullPool
from sqlalchemy.ext.asyncio import create_async_engine

from parlour.db.access import Database, Publish, Reading, Transaction
from parlour.db.lending import Lending, Lent, Loan
from parlour.db.often import Often, Values
from parlour.db.outages import refuse_if_down, refused_when_down
from parlour.db.rows import Rows
from parlour.db.wholly import wholly

CONNECTIONS_AT_MOST = 8  # that read, and as many that write
WAIT_FOR_CONNECTION_S = 10
# A statement, and so longer than the longest wait for a lock; on a line that died without a word nobody waits for ever.
ANSWER_WITHIN_S = 12
# A transaction of another process that stands still must not make everybody wait for its locks.
SERVER_LIMITS = {"lock_timeout": "8s", "idle_in_transaction_session_timeout": "15s"}
# Everything asked often is looked up by its keys, so one plan serves for all values: to plan anew each time took a
# third of the server's work. A plan may be made while a table is empty, and must not read all of it once it has grown.
PLANNING = {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "jit": "off"}


class PostgreSQL(Database):
    """A database server. Reading needs no transaction, and beginning one would cost as much as the look itself."""

    is_sqlite = False

    def __init__(self, address: str, publish: Publish) -> None:
        self._publish = publish
        self._address = address
        engine = create_async_engine(
            "postgresql+asyncpg://", async_creator=self._connect, poolclass=NullPool, isolation_level="AUTOCOMMIT"
        )
        self._lending = Lending(engine, WAIT_FOR_CONNECTION_S)
        self._readers, self._writers = asyncio.Semaphore(CONNECTIONS_AT_MOST), asyncio.Semaphore(CONNECTIONS_AT_MOST)

    def reading(self) -> "Looking":
        return Looking(self._lending.lend(self._readers))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        with refused_when_down():
            async with self._lending.lend(self._writers) as lent:
                transaction = Writing(lent)
                yield transaction
                if transaction.begun:
                    await wholly(self._commit(transaction))
                else:
                    transaction.end_well(self._publish)

    async def run_in_transaction(self, work: Callable[[Connection], None]) -> None:
        # A migration may take longer than any other statement, and wait for one that runs elsewhere.
        engine = create_async_engine(
            "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(self._address), poolclass=NullPool
        )
        with refused_when_down():
            async with engine.begin() as connection:
                await connection.run_sync(work)

    async def close(self) -> None:
        await self._lending.close()

    async def _connect(self) -> asyncpg.Connection:
        return await asyncpg.connect(
            self._address,
            timeout=WAIT_FOR_CONNECTION_S,
            command_timeout=ANSWER_WITHIN_S,
            server_settings=PLANNING | SERVER_LIMITS,
        )

    async def _commit(self, transaction: "Writing") -> None:
        await transaction.commit()
        transaction.end_well(self._publish)


class Writing(Transaction):
    """A transaction that begins with its first statement, since one statement alone needs no beginning and no end."""

    def __init__(self, lent: Lent) -> None:
        super().__init__(lent.execute, alone=False)
        self._line = lent.line
        self.begun = False

    async def execute(self, statement: Executable | Often, values: Values | None = None) -> Rows:
        if not self.begun:
            await self._line.execute("BEGIN")
            self.begun = True
        return await super().execute(statement, values)

    async def at_once(self, statement: Often, values: Mapping[str, object]) -> Rows:
        if self.begun:
            raise RuntimeError("something is under way already")
        return await super().execute(statement, values)

    async def commit(self) -> None:
        """Ends what was begun."""
        await self._line.execute("COMMIT")


class Looking(AbstractAsyncContextManager[Reading]):
    """A connection that looks, from its beginning to its end; each message needs several."""

    __slots__ = ("_loan",)

    def __init__(self, loan: Loan) -> None:
        self._loan = loan

    async def __aenter__(self) -> Reading:
        try:
            lent = await self._loan.__aenter__()
        except BaseException as error:
            refuse_if_down(error)
            raise
        return Reading(lent.execute)

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        await self._loan.__aexit__(kind, error, trace)
        if error is not None:
            refuse_if_down(error)
