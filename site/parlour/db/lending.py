"""Lends the connections of a database server, and keeps them in hand from one use to the next."""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import asyncpg
from sqlalchemy import Executable
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from parlour.db import straight
from parlour.db.often import Often, Values
from parlour.db.outages import DRIVER_ERRORS
from parlour.db.rows import Rows, fetched

UNDO_WITHIN_S = 2  # a line that does not take back at once what was begun on it is given up


@dataclass(frozen=True)
class Lent:
    """A connection, and the driver's own within it."""

    connection: AsyncConnection
    line: asyncpg.Connection

    @property
    def sound(self) -> bool:
        """Whether it stands, and nothing on it is left undone."""
        return not (self.connection.invalidated or self.line.is_closed() or self.line.is_in_transaction())

    async def execute(self, statement: Executable | Often, values: Values | None = None, /) -> Rows:
        """Runs one statement. Raises what the driver raises."""
        if isinstance(statement, Often):
            return await straight.execute(self.line, statement, {} if values is None else values)
        return fetched(await self.connection.execute(statement, values))

    async def undo(self) -> bool:
        """Takes back what was begun on it. Whether it answers, and can be used again."""
        try:
            async with asyncio.timeout(UNDO_WITHIN_S):
                await self.connection.rollback()
                await self.line.execute("ROLLBACK" if self.line.is_in_transaction() else "SELECT 1")
        except (DBAPIError, OSError, *DRIVER_ERRORS):
            return False
        return self.sound

    async def drop(self) -> None:
        """Gives it up without a word to the other side, who may not hear it."""
        self.line.terminate()
        await self.connection.invalidate()
        await self.connection.close()


class Lending:
    """Connections of an engine without a pool; to take one out of a pool and to put it back costs more than most
    questions."""

    def __init__(self, engine: AsyncEngine, wait_s: float) -> None:
        self._engine = engine
        self._wait_s = wait_s
        self._idle: list[Lent] = []

    def lend(self, places: asyncio.Semaphore) -> "Loan":
        """A connection for oneself, as long as one of these places is had.

        To begin it raises TimeoutError where all places stay taken, and what the driver raises.
        """
        return Loan(self, places)

    async def close(self) -> None:
        """Ends every connection that nobody uses."""
        idle, self._idle = self._idle, []
        for lent in idle:
            await lent.connection.close()
        await self._engine.dispose()

    async def take(self, places: asyncio.Semaphore) -> Lent:
        """A connection that stands, once there is a place for it."""
        if places.locked():
            async with asyncio.timeout(self._wait_s):
                await places.acquire()
        else:
            await places.acquire()
        try:
            return await self._take_idle() or await self._open()
        except BaseException:
            places.release()
            raise

    def give_back(self, lent: Lent) -> None:
        """One on which nothing is left undone."""
        self._idle.append(lent)

    async def recover(self, lent: Lent, error: BaseException) -> None:
        """Keeps a connection whose use ended in an error, if it can be used again."""
        if not isinstance(error, TimeoutError) and await lent.undo():
            self._idle.append(lent)
            return
        # The others lead to the same silence, most likely; nobody is to find it out of each of them by itself.
        gone, self._idle = [lent, *self._idle], []
        for each in gone:
            await each.drop()

    async def _take_idle(self) -> Lent | None:
        while self._idle:
            lent = self._idle.pop()
            if not lent.line.is_closed():
                return lent
            await lent.drop()  # the server ended it meanwhile
        return None

    async def _open(self) -> Lent:
        connection = await self._engine.connect()
        return Lent(connection, (await connection.get_raw_connection()).driver_connection)


class Loan(AbstractAsyncContextManager[Lent]):
    """The use of one connection, from its beginning to its end. A class, since a generator costs twice as much."""

    __slots__ = ("_lending", "_lent", "_places")

    def __init__(self, lending: Lending, places: asyncio.Semaphore) -> None:
        self._lending, self._places = lending, places

    async def __aenter__(self) -> Lent:
        self._lent = await self._lending.take(self._places)
        return self._lent

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        try:
            if error is None:
                self._lending.give_back(self._lent)
            else:
                await asyncio.shield(self._lending.recover(self._lent, error))
        finally:
            self._places.release()
