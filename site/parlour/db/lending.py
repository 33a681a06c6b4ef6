"""Lends the connections of a database server, and keeps them in hand from one use to the next."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine


@dataclass(frozen=True)
class Lent:
    """A connection, and the driver's own within it."""

    connection: AsyncConnection
    line: asyncpg.Connection

    @property
    def sound(self) -> bool:
        """Whether it stands, and nothing on it is left undone."""
        return not (self.connection.invalidated or self.line.is_closed() or self.line.is_in_transaction())

    async def undo(self) -> None:
        """Ends what was begun on it, as far as it stands."""
        await self.connection.rollback()
        if not self.line.is_closed() and self.line.is_in_transaction():
            await self.line.execute("ROLLBACK")


class Lending:
    """Connections of an engine without a pool; to take one out of a pool and to put it back costs more than most
    questions."""

    def __init__(self, engine: AsyncEngine, at_most: int, wait_s: float) -> None:
        self._engine = engine
        self._turn = asyncio.Semaphore(at_most)
        self._wait_s = wait_s
        self._idle: list[Lent] = []

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Lent]:
        """A connection for oneself. Raises TimeoutError where all stay in use, and what the driver raises."""
        async with asyncio.timeout(self._wait_s):
            await self._turn.acquire()
        try:
            lent = await self._take()
            try:
                yield lent
            except BaseException:
                await asyncio.shield(self._recover(lent))
                raise
            self._idle.append(lent)
        finally:
            self._turn.release()

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
            await _drop(lent)  # the server ended it meanwhile
        connection = await self._engine.connect()
        return Lent(connection, (await connection.get_raw_connection()).driver_connection)

    async def _recover(self, lent: Lent) -> None:
        """Keeps a connection whose use ended in an error, if it can be used again."""
        try:
            await lent.undo()
        finally:
            if lent.sound:
                self._idle.append(lent)
            else:
                await _drop(lent)


async def _drop(lent: Lent) -> None:
    await lent.connection.invalidate()
    await lent.connection.close()
