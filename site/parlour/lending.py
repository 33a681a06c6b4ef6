"""Lends the connections of a database server, and keeps them in hand from one use to the next."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine


class Lending:
    """Connections of one engine; to take one out of its pool and to put it back costs more than most questions.

    One whose use ended in an error goes back to the pool, which makes it usable again or replaces it.
    """

    def __init__(self, engine: AsyncEngine, at_most: int, wait_s: float) -> None:
        self._engine = engine
        self._turn = asyncio.Semaphore(at_most)
        self._wait_s = wait_s
        self._idle: list[AsyncConnection] = []

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[AsyncConnection]:
        """A connection for oneself. Raises TimeoutError where all stay in use, and what the driver raises."""
        async with asyncio.timeout(self._wait_s):
            await self._turn.acquire()
        try:
            connection = self._idle.pop() if self._idle else await self._engine.connect()
            try:
                yield connection
            except BaseException:
                await asyncio.shield(self._give_up(connection))
                raise
            self._idle.append(connection)
        finally:
            self._turn.release()

    async def close(self) -> None:
        """Ends every connection that nobody uses."""
        await self._close_idle()
        await self._engine.dispose()

    async def _give_up(self, connection: AsyncConnection) -> None:
        broken = connection.invalidated
        await connection.close()
        if broken:  # the others were cut as well, most likely, and the pool knows which
            await self._close_idle()

    async def _close_idle(self) -> None:
        idle, self._idle = self._idle, []
        for connection in idle:
            await connection.close()
