"""Files without a name, gone with whoever holds them; made and given up in a thread, since a disk may be slow."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO


@asynccontextmanager
async def nameless_file(folder: Path) -> AsyncIterator[BinaryIO]:
    """A file below `folder`, gone also where the server is killed. Raises OSError, where the disk is full or gone."""
    loop = asyncio.get_running_loop()
    opening = loop.run_in_executor(None, _open, folder)
    try:
        file = await asyncio.shield(opening)
    except asyncio.CancelledError:  # the thread goes on, and nobody else would ever hear of the file
        opening.add_done_callback(_close_what_came)
        raise
    try:
        yield file
    finally:
        await asyncio.shield(loop.run_in_executor(None, file.close))


def _close_what_came(opening: asyncio.Future[BinaryIO]) -> None:
    if not opening.cancelled() and not opening.exception():
        opening.result().close()


def _open(folder: Path) -> BinaryIO:
    return tempfile.TemporaryFile(dir=folder)
