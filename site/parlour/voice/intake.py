"""Takes a recording in: finds out what it is, cleans it, and keeps its bytes, before anybody is told of it."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from parlour.nameless import nameless_file
from parlour.voice.formats import Kind
from parlour.voice.store import RETRY_AFTER_S, Store, VoiceUnavailable
from parlour.voice.workshop import Workshop

NAME_BYTES = 16


class Kept(msgspec.Struct, frozen=True):
    """A recording whose bytes are in the store, and of which no row tells yet."""

    name: str
    kind: Kind
    codec: str
    seconds: float
    peaks: bytes
    size_bytes: int


@asynccontextmanager
async def file_for_voice(folder: Path) -> AsyncIterator[BinaryIO]:
    """A file that is gone with whoever holds it. Raises VoiceUnavailable."""
    try:
        async with nameless_file(folder) as file:
            yield file
    except OSError as error:  # the disk is full, or gone
        raise VoiceUnavailable(RETRY_AFTER_S) from error


class Intake:
    """Where recordings come in."""

    def __init__(self, workshop: Workshop, store: Store, folder: Path) -> None:
        self.folder = folder  # for files that have no name and vanish with whoever holds them
        self._workshop = workshop
        self._store = store

    async def take(self, source: BinaryIO, whose: int) -> Kept:
        """Keeps the sound of a person's file. Raises NoRecording, RecordingTooLong, TooMany and Unavailable."""
        async with file_for_voice(self.folder) as clean:
            heard = await self._workshop.listen(source, clean, whose)
            name = secrets.token_hex(NAME_BYTES)
            await self._store.put(f"{name}.{heard.kind}", clean)
            size = clean.seek(0, 2)
        return Kept(name, heard.kind, heard.codec, heard.seconds, heard.peaks, size)

    async def give_back(self, kept: Kept) -> None:
        """Removes the bytes again: nobody will ever ask for them."""
        await self._store.remove(f"{kept.name}.{kept.kind}")
