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
    file = await asyncio.to_thread(_open, folder)
    try:
        yield file
    finally:
        await asyncio.to_thread(file.close)


def _open(folder: Path) -> BinaryIO:
    return tempfile.TemporaryFile(dir=folder)
