"""Reads a form whose last field may be a file: the fields first, and the file only once these were judged."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from enum import Enum
from pathlib import Path
from typing import BinaryIO

import msgspec
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from parlour.errors import BadRequest, Refusal, TooLarge, TooSlow, Unavailable
from parlour.forms import (
    CHUNK_WAIT_S,
    FIELDS_AT_MOST,
    FORM_LIMIT,
    Asked,
    Form,
    TooLargeForm,
    announced_bytes,
    decoded,
    legible,
)
from parlour.nameless import nameless_file

FILE_LIMIT = 25 * 1024 * 1024  # bytes
ANNOUNCED_LIMIT = 64 * 1024 * 1024  # of a body that is still taken, so that a browser hears the answer
UPLOAD_WAIT_S = 1_800.0
WRITE_BYTES = 512 * 1024
RETRY_AFTER_S = 5


class MoreThanOneFile(Refusal):
    """There is place for one; to drop another in silence would lose what somebody meant to send."""

    sentence = "Only one file can be sent at a time. Please send the others one by one."


class Part(msgspec.Struct, frozen=True):
    """The head of a part; its bytes follow."""

    name: str
    filename: str | None


class End(Enum):
    """What a body says when nothing of a part, or nothing at all, follows."""

    OF_PART = 1
    OF_BODY = 2


Event = Part | bytes | End


class Upload:
    """A file that has begun to arrive; none of it was looked at yet."""

    def __init__(self, body: "_Body", field: str) -> None:
        self._body = body
        self._field = field

    @asynccontextmanager
    async def received(self, folder: Path) -> AsyncIterator["Received"]:
        """All of it, in a file below `folder` that has no name.

        Raises MoreThanOneFile, TooLarge, TooSlow, BadRequest, Unavailable.
        """
        async with AsyncExitStack() as stack:
            try:
                file = await stack.enter_async_context(nameless_file(folder))
                digest = await _pour(self._body, file)
                await _expect_end(self._body, self._field)
            except OSError as error:  # the disk is full, or gone
                raise Unavailable(RETRY_AFTER_S) from error
            yield Received(file, digest)


class Received:
    """A whole file, and what its bytes come to."""

    def __init__(self, file: BinaryIO, digest: bytes) -> None:
        self.file, self.digest = file, digest


def is_multipart(request: Asked) -> bool:
    """Whether the body says that it is a form with parts."""
    return bool(parse_options_header(request.headers.get("content-type", ""))[0] == "multipart/form-data")


async def begin_form(request: Asked, file_field: str) -> tuple[Form, Upload | None]:
    """The fields of a multipart form up to its file, and the file if one was chosen.

    Raises TooLarge, TooLargeForm, TooSlow, NotText, and BadRequest for broken multipart.
    """
    if announced_bytes(request.headers.get("content-length", "")) > ANNOUNCED_LIMIT:
        raise TooLarge
    body = _Body(request)
    fields, has_file = await _read_fields(body, file_field)
    return decoded(fields), Upload(body, file_field) if has_file else None


class _Body:
    """A multipart body, read as far as somebody wants to."""

    def __init__(self, request: Asked) -> None:
        """Raises BadRequest."""
        _, options = parse_options_header(request.headers.get("content-type", ""))
        try:
            self._parser = PushMultipartParser(options.get("boundary", ""), max_segment_count=FIELDS_AT_MOST)
        except (MultipartError, ValueError) as error:
            raise BadRequest from error
        self._request = request
        self._until = time.monotonic() + UPLOAD_WAIT_S
        self._events: Iterator[Event] = iter(())
        self._whole = False
        self.taken = 0  # bytes

    async def next(self) -> Event:
        """A part's head, some of its bytes, or an end. Raises BadRequest, TooLarge, TooSlow."""
        try:
            while True:
                for event in self._events:
                    return event
                if self._whole:
                    self._parser.close()
                    return End.OF_BODY
                if chunk := await self.receive():
                    self._events = self._parse(chunk)
        except (MultipartError, ValueError) as error:
            raise BadRequest from error

    def _parse(self, chunk: bytes) -> Iterator[Event]:
        for event in self._parser.parse(chunk):
            if event is None:
                yield End.OF_PART
            elif isinstance(event, MultipartSegment):
                yield Part(event.name, event.filename)
            else:
                yield bytes(event)

    async def receive(self) -> bytes:
        """The next bytes of the body, which may be none."""
        wait_s = min(CHUNK_WAIT_S, self._until - time.monotonic())
        try:
            async with asyncio.timeout(wait_s):
                message = await self._request.receive()
        except TimeoutError as error:
            raise TooSlow from error
        if message["type"] != "http.request":
            raise BadRequest  # the browser has gone; nobody reads this
        self._whole = not message["more_body"]
        self.taken += len(message["body"])
        if self.taken > ANNOUNCED_LIMIT:
            raise TooLarge
        return message["body"]

    async def drain(self) -> None:
        """Takes the rest all the same, so that a browser hears the answer. Raises TooLarge."""
        while not self._whole:
            await self.receive()


async def _read_fields(body: _Body, file_field: str) -> tuple[dict[bytes, bytes], bool]:
    """The fields before the file, and whether a file was chosen; files in other places fall away."""
    values: dict[bytes, bytearray] = {}
    current: bytearray | None = None
    size = 0
    while (event := await body.next()) is not End.OF_BODY:
        if isinstance(event, Part):
            if event.name == file_field and event.filename:
                break
            current = None
            if event.filename is None:
                current = values[event.name.encode()] = bytearray()  # of a doubled field the last one holds
        elif isinstance(event, bytes):
            size += len(event)
            if size > FORM_LIMIT:
                await body.drain()
                whole = {name: bytes(value) for name, value in values.items() if value is not current}
                raise TooLargeForm(legible(whole))
            if current is not None:
                current += event
    return {name: bytes(value) for name, value in values.items()}, event is not End.OF_BODY


async def _pour(body: _Body, file: BinaryIO) -> bytes:
    """Writes the file's bytes as they come; their digest."""
    digest, size = hashlib.sha256(), 0
    waiting = bytearray()
    while isinstance(event := await body.next(), bytes):
        size += len(event)
        if size > FILE_LIMIT:
            await body.drain()
            raise TooLarge
        digest.update(event)
        waiting += event
        if len(waiting) >= WRITE_BYTES:
            await asyncio.to_thread(file.write, waiting)
            waiting = bytearray()
    await asyncio.to_thread(file.write, waiting)
    file.flush()
    return digest.digest()


async def _expect_end(body: _Body, file_field: str) -> None:
    """Reads the rest, so that a browser hears the answer; other fields there are nothing that we asked for."""
    more = False
    while (event := await body.next()) is not End.OF_BODY:
        more = more or (isinstance(event, Part) and event.name == file_field and bool(event.filename))
    if more:
        raise MoreThanOneFile
