"""Where the bytes of recordings are kept: a folder, or an S3-compatible store; under names of our own alone."""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, ObjectStore, S3Store

from parlour.errors import NotThere, Unavailable
from parlour.nameless import nameless_file
from parlour.pace import RightOfWay

if TYPE_CHECKING:  # names that are only there for whoever checks types
    from obstore import BytesStream
    from obstore.store import S3Config

log = logging.getLogger(__name__)

CHUNK_BYTES = 256 * 1024
RETRY_AFTER_S = 5
CONNECT_WITHIN = "3s"
# One's own limits, since the driver's is for all of a request: what is long takes long where the way is slow.
ANSWER_WITHIN_S = 10.0  # to a question, and until the next bytes come
KEEP_WITHIN_S = 20.0  # and a second more for each of these bytes
SLOWEST_BYTES_A_SECOND = 32 * 1024
DRIVER_GIVES_UP = "1h"
REMOVE_WITHIN_S = 1.0  # while somebody waits for it
Setting = Literal["endpoint", "region", "access_key_id", "secret_access_key"]
GIVEN: tuple[Setting, ...] = ("endpoint", "region", "access_key_id", "secret_access_key")


class VoiceUnavailable(Unavailable):
    """The store does not answer."""

    sentence = "Recordings cannot be kept just now; text can. Please try again in a moment."


class BrokenOff(Exception):
    """The store fell silent in the middle of an object, of which somebody has the beginning."""


class Stored(msgspec.Struct, frozen=True):
    """An object in the store."""

    name: str
    size: int  # bytes
    modified_at: datetime


class Store:
    """The bytes of every recording, by name."""

    def __init__(self, url: str, folder: Path, way: RightOfWay) -> None:
        """The store at `url`, or in `folder` where nothing is said. Raises ValueError, with a sentence."""
        self._way = way
        self._folder = folder if not url else Path(unquote(urlsplit(url).path)) if url.startswith("file:") else None
        self._url = url
        self._store: ObjectStore | None = None
        self._removing: set[asyncio.Task[None]] = set()

    @property
    def missing_folder(self) -> Path | None:
        """The folder, if that is what it is and it is not there; another store tells only when it is asked."""
        return self._folder if self._folder and not self._folder.is_dir() else None

    def begin(self) -> None:
        """Makes the folder of a house in which nothing was ever kept. Raises VoiceUnavailable.

        Later it is never made again: one that is gone may come back, as a disk does that was not mounted.
        """
        if self._folder:
            with _refused_when_down():
                self._folder.mkdir(parents=True, exist_ok=True)

    async def put(self, name: str, content: BinaryIO) -> None:
        """Keeps all that is in the file; on disk when this returns. Raises VoiceUnavailable."""
        size = content.seek(0, os.SEEK_END)
        content.seek(0)
        await self._way.give_way()
        with _refused_when_down():
            if self._folder:
                self._folder.stat()  # what is to be kept would make it
            async with asyncio.timeout(KEEP_WITHIN_S + size / SLOWEST_BYTES_A_SECOND):
                await obstore.put_async(self._opened(), name, content)
            if self._folder:
                await self._way.give_way()
                await asyncio.to_thread(_settle, self._folder / name)

    @asynccontextmanager
    async def lent(self, name: str, folder: Path) -> AsyncIterator[BinaryIO]:
        """An object as a file to read; from a bucket it is copied into one below `folder`. Raises as `open` does."""
        async with AsyncExitStack() as stack:
            with _refused_when_down():
                if self._folder:
                    file = stack.enter_context(await self._file(self._folder / name))
                else:
                    file = await stack.enter_async_context(nameless_file(folder))
                    try:
                        async for chunk in await self.open(name):
                            await asyncio.to_thread(file.write, chunk)
                    except BrokenOff as error:
                        raise VoiceUnavailable(RETRY_AFTER_S) from error
                    file.flush()
            yield file

    async def _file(self, path: Path) -> BinaryIO:
        try:
            return await asyncio.to_thread(path.open, "rb")
        except FileNotFoundError as error:
            await self._expect_answer()
            raise NotThere from error

    async def open(self, name: str, part: tuple[int, int] | None = None) -> AsyncIterator[bytes]:
        """All of an object in chunks, or from a byte to before another; its beginning is there when this returns.

        Raises NotThere, and VoiceUnavailable; and what it gives raises BrokenOff.
        """
        with _refused_when_down():
            async with asyncio.timeout(ANSWER_WITHIN_S):
                try:
                    found = await obstore.get_async(self._opened(), name, options={"range": part} if part else None)
                except (FileNotFoundError, NotFoundError) as error:
                    await self._expect_answer()
                    raise NotThere from error
                chunks = found.stream(min_chunk_size=CHUNK_BYTES)
                first = await anext(chunks, b"")
            if not first:  # nothing that we keep is empty
                raise VoiceUnavailable(RETRY_AFTER_S)
        return _chunks(bytes(first), chunks)

    async def size(self, name: str) -> int:
        """How many bytes an object has. Raises NotThere, and VoiceUnavailable."""
        with _refused_when_down():
            async with asyncio.timeout(ANSWER_WITHIN_S):
                try:
                    return (await obstore.head_async(self._opened(), name))["size"]
                except (FileNotFoundError, NotFoundError) as error:
                    await self._expect_answer()
                    raise NotThere from error

    async def remove(self, *names: str) -> None:
        """Removes objects; one that is not there is no matter. Raises VoiceUnavailable."""
        for name in names:
            with _refused_when_down(), contextlib.suppress(FileNotFoundError, NotFoundError):
                async with asyncio.timeout(ANSWER_WITHIN_S):
                    await obstore.delete_async(self._opened(), name)

    async def remove_soon(self, *names: str) -> None:
        """The same while somebody waits, who need not for long: what is not removed is swept up later."""
        removing = asyncio.create_task(self._remove_or_leave(*names), name="removing")
        self._removing.add(removing)
        removing.add_done_callback(self._removing.discard)
        await asyncio.wait({removing}, timeout=REMOVE_WITHIN_S)

    async def _remove_or_leave(self, *names: str) -> None:
        with contextlib.suppress(VoiceUnavailable):
            await self.remove(*names)

    async def listing(self) -> AsyncIterator[list[Stored]]:
        """Every object, in portions. Raises VoiceUnavailable."""
        with _refused_when_down():
            if self._folder:
                self._folder.stat()
            async for portion in obstore.list(self._opened()):
                yield [Stored(found["path"], found["size"], found["last_modified"]) for found in portion]

    async def remove_scraps(self, oldest: datetime) -> None:
        """Removes what a folder holds of objects that were never finished; another store keeps none."""
        if self._folder:
            await asyncio.to_thread(_remove_scraps, self._folder, oldest)

    async def _expect_answer(self) -> None:
        """Raises where there is no store at all, which has lost nothing. A bucket answers the same to either."""
        if self._folder:
            self._folder.stat()
            return
        async for _ in obstore.list(self._opened(), chunk_size=1):
            return

    def _opened(self) -> ObjectStore:
        if not self._store:
            self._store = _open_bucket(self._url) if not self._folder else LocalStore(self._folder)
        return self._store


async def _chunks(first: bytes, others: "BytesStream") -> AsyncIterator[bytes]:
    chunk: bytes | None = first
    try:
        while chunk is not None:
            yield chunk
            with _refused_when_down():
                async with asyncio.timeout(ANSWER_WITHIN_S):
                    found = await anext(others, None)
            chunk = None if found is None else bytes(found)
    except VoiceUnavailable as error:
        raise BrokenOff from error


def _open_bucket(url: str) -> S3Store:
    """`s3://KEY:SECRET@BUCKET/PREFIX?endpoint=…&region=…`; whatever is not said there comes from AWS's variables."""
    parts = urlsplit(url)
    said = dict(parse_qsl(parts.query))
    if parts.username and parts.password:
        said |= {"access_key_id": unquote(parts.username), "secret_access_key": unquote(parts.password)}
    given: S3Config = {}
    for name in GIVEN:
        if name in said:
            given[name] = said[name]
    return S3Store(
        parts.hostname,
        prefix=parts.path.strip("/") or None,
        config=given,
        client_options={"allow_http": True, "timeout": DRIVER_GIVES_UP, "connect_timeout": CONNECT_WITHIN},
        retry_config={"max_retries": 1},
    )


def _remove_scraps(folder: Path, oldest: datetime) -> None:
    for path in folder.glob("*#*"):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest.timestamp():
                path.unlink()


def _settle(path: Path) -> None:
    """Waits until a file and its name are on disk."""
    for place, how in ((path, os.O_RDONLY), (path.parent, os.O_RDONLY | os.O_DIRECTORY)):
        descriptor = os.open(place, how)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _refused_when_down() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        log.warning("The store of recordings cannot do that now: %s", str(error).partition("\n")[0])
        raise VoiceUnavailable(RETRY_AFTER_S) from error
