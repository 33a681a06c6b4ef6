"""A server that nobody should ever speak to; it counts who does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Canary:
    """How often its address was knocked at."""

    def __init__(self) -> None:
        self.touched = 0
        self.url = ""

    async def hear(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.touched += 1
        writer.close()


@asynccontextmanager
async def canary() -> AsyncIterator[Canary]:
    """Listens on a port of this machine."""
    bird = Canary()
    server = await asyncio.start_server(bird.hear, "127.0.0.1", 0)
    bird.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/sound.webm"
    async with server:
        yield bird
