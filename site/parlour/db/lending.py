"""Lends the connections of a database server, and keeps them in hand from one use to the next."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from parlour.db.outages import DRIVER_ERRORS

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

    @asynccontextmanager
    async def lend(self, places: asyncio.Semaphore) -> AsyncIterator[Lent]:
        """A connection for oneself, as long as one of these places is had.

        Raises TimeoutError where all places stay taken, and what the driver raises.
        """
        async with asyncio.timeout(self._wait_s):
            await places.acquire()
        try:
            lent = await self._take()
            try:
                yield lent
            except BaseException as error:
                await asyncio.shield(self._recover(lent, error))
                raise
            self._idle.append(lent)
        finally:
            places.release()

    async def close(self) -> None:
        """Ends every connection that nobody uses."""
        idle, self._idle = self._idle, []
        for lent in idle:
            await lent.connection.close()
        await self._engine.dispose()

    async def _take(self) -> Lent:
        while self._idle:
            lent = self._idle.pop()
            if lent.sound:
                return lent
            await lent.drop()  # the server ended it meanwhile
        connection = await self._engine.connect()
        return Lent(connection, (await connection.get_raw_connection()).driver_connection)

    async def _recover(self, lent: Lent, error: BaseException) -> None:
        """Keeps a connection whose use ended in an error, if it can be used again."""
        if not isinstance(error, TimeoutError) and await lent.undo():
            self._idle.append(lent)
            return
        # The others lead to the same silence, most likely; nobody is to find it out of each of them by itself.
        gone, self._idle = [lent, *self._idle], []
        for each in gone:
            await each.drop()
