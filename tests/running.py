"""A server that runs in the test's own loop, on a free port of the loopback address."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from parlour.serving import Server


@asynccontextmanager
async def running(server: Server) -> AsyncIterator[str]:
    """Starts `server`, made with port 0, yields its base URL, and stops it in the end."""
    serving = asyncio.create_task(server.serve())
    ready = asyncio.create_task(server.ready.wait())
    await asyncio.wait({serving, ready}, return_when=asyncio.FIRST_COMPLETED)
    ready.cancel()
    if serving.done():
        serving.result()
        raise RuntimeError("the server did not start")
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.should_exit = True
        await serving
