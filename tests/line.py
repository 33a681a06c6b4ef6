"""A line to a server that a test can cut, or leave hanging, as networks do."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

CHUNK_BYTES = 65_536


class Line:
    """Carries connections from its own port to the server's."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._carried: set[asyncio.StreamWriter] = set()
        self._losing = self._dropping = b""
        self._silent: set[asyncio.StreamWriter] = set()
        self._open = asyncio.Event()
        self._open.set()
        self.lost = asyncio.Event()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its beginning to its end."""
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self._carried |= ends
        losing = asyncio.Event()  # set once this connection's next answer is to be lost
        ways = [self._ask(reader, far_writer, losing), self._answer(far_reader, writer, losing)]
        tasks = [asyncio.create_task(way) for way in ways]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.transport.abort()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._carried -= ends
            self._silent -= ends

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, losing: asyncio.Event) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                await self._open.wait()
                if self._dropping and self._dropping in chunk:
                    self._dropping = b""
                    self.cut()
                    self.lost.set()
                    return
                if self._losing and self._losing in chunk:
                    self._losing = b""
                    losing.set()
                await self._pass_on(chunk, writer)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, losing: asyncio.Event) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                await self._open.wait()
                if losing.is_set():
                    self.cut()
                    self.lost.set()
                    return
                await self._pass_on(chunk, writer)

    async def _pass_on(self, chunk: bytes, writer: asyncio.StreamWriter) -> None:
        if writer not in self._silent:
            writer.write(chunk)
            await writer.drain()

    def silence(self) -> None:
        """Every connection stays open and carries nothing any more, as where a firewall has forgotten it."""
        self._silent |= self._carried

    def cut(self) -> None:
        """Cuts every connection at once; new ones are carried."""
        for writer in self._carried:
            writer.transport.abort()

    def lose_request(self, request: bytes) -> None:
        """The next request that holds these bytes never reaches the server; it is cut, as is every connection."""
        self._dropping = request

    def lose_answer_to(self, request: bytes) -> None:
        """The next request that holds these bytes reaches the server; its answer, and every connection, is cut."""
        self._losing = request

    def hang(self) -> None:
        """Carries nothing any more, and tells nobody."""
        self._open.clear()

    def go_on(self) -> None:
        self._open.set()


@asynccontextmanager
async def line_to(server_port: int, port: int) -> AsyncIterator[Line]:
    """A line from `port` to the server's, both of the loopback address."""
    line = Line(server_port)
    listener = await asyncio.start_server(line.carry, "127.0.0.1", port)
    try:
        yield line
    finally:
        listener.close()
        line.go_on()
        line.cut()
        await listener.wait_closed()
