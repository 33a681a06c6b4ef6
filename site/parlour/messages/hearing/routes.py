"""The address at which a recording is heard, and the one that takes how far somebody has come."""

import re
from collections.abc import AsyncIterator

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Redirect, Response, Stream
from litestar.types import Scope

from parlour.accounts.authentication import ThePosted, TheViewer
from parlour.db import Database
from parlour.errors import NotThere, Refusal
from parlour.events import RecordingHeard
from parlour.forms import Asked, Form, Given, parse_id
from parlour.messages.editing import mark_played
from parlour.messages.hearing.gate import Audible, find_audible
from parlour.porter import BROKEN_OFF
from parlour.voice.formats import FORMATS, Kind
from parlour.voice.listened import SPEEDS, note_listened, read_listened
from parlour.voice.ranges import NoSuchRange, choose_range, holds
from parlour.voice.store import BrokenOff, Store

ADDRESS = re.compile(r"([1-9][0-9]*)\.([a-z0-9]+)")
HEADERS = {
    "cache-control": "private, no-cache",  # kept, and asked for each time: a message may be deleted, a member removed
    "content-security-policy": "sandbox; default-src 'none'",
    "accept-ranges": "bytes",
}


class NoProgress(Refusal):
    """What was said of one's listening makes no sense."""

    sentence = "How far you have listened must be told in seconds, and the speed as 1, 1.5 or 2."


@get("/recordings/{sound:str}")
async def hear(
    request: Asked, sound: FromPath[str], viewer: TheViewer, database: Given[Database], store: Given[Store]
) -> Response[None] | Response[bytes] | Stream:
    """The recording, or the part of it that a player asks for."""
    number, suffix = _parse_address(sound)
    async with database.reading() as db:
        audible = await find_audible(db, viewer.id, number)
    if suffix not in audible.sizes:
        raise NotThere
    size, etag = audible.sizes[suffix], f'"{audible.name}-{suffix}"'
    media_type = FORMATS[Kind(suffix)].media_type
    headers = HEADERS | {"etag": etag, "content-disposition": f'inline; filename="recording-{sound}"'}
    if holds(etag, request.headers.get("if-none-match", "")):
        return Response(None, status_code=304, headers=headers)
    try:
        part = choose_range(_range(request, etag), size)
    except NoSuchRange:
        return Response(
            b"", status_code=416, headers=headers | {"content-range": f"bytes */{size}"}, media_type=media_type
        )
    start, end = part or (0, size)
    headers["content-length"] = str(end - start)
    if part:
        headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
    content = await store.open(f"{audible.name}.{suffix}", part)  # also for HEAD, which promises what GET would give
    content = _nothing() if "only_head" in request.state else _promised(content, end - start, request.scope)
    return Stream(content, status_code=206 if part else 200, headers=headers, media_type=media_type)


@post("/recordings/{recording_id:str}/listened", opt={"page": "/"})
async def listened(
    request: Asked, recording_id: FromPath[str], posted: ThePosted, database: Given[Database]
) -> Response[None] | Redirect:
    """A player says how far it has come."""
    async with database.reading() as db:
        audible = await find_audible(db, posted.viewer.id, parse_id(recording_id))
    position_s, speed = _parse_progress(posted.form, audible)
    heard = posted.form.get("heard") == "1"
    async with database.transaction() as writing:
        before = await read_listened(writing, posted.viewer.id, [audible.id])
        was_heard = before.of(audible.id).heard
        if heard and not was_heard:  # first, as a deletion does: its lock comes before the recording's
            await mark_played(writing, posted.viewer.id, audible.id)
        await note_listened(writing, posted.viewer.id, audible.id, position_s, speed, heard=heard)
        place = audible.conversation_id, posted.viewer.id, audible.id
        writing.announce(RecordingHeard(*place, position_s, speed or before.speed, heard=heard or was_heard))
    if request.headers.get("hx-request") == "true" or request.headers.get("sec-fetch-mode") in ("cors", "same-origin"):
        return Response(None, status_code=204)
    return Redirect("/", status_code=303)


def _parse_address(address: str) -> tuple[int, str]:
    found = ADDRESS.fullmatch(address)
    if not found:
        raise NotThere
    return parse_id(found[1]), found[2]


def _range(request: Asked, etag: str) -> str | None:
    """The range that is asked for, if it is one of the file as it is now."""
    condition = request.headers.get("if-range")
    return request.headers.get("range") if condition in (None, etag) else None


def _parse_progress(form: Form, audible: Audible) -> tuple[float, float | None]:
    """The position in seconds, and the speed where one was chosen."""
    position, speed = form.get("position", ""), form.get("speed")
    known = {None, *(f"{one:g}" for one in SPEEDS)}
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,20})?", position) or speed not in known:
        raise NoProgress
    return min(float(position), audible.seconds), None if speed is None else float(speed)


async def _promised(content: AsyncIterator[bytes], length: int, scope: Scope) -> AsyncIterator[bytes]:
    """The content; where less of it comes than was promised, the line is to be closed, so that the player knows."""
    sent = 0
    try:
        async for chunk in content:
            sent += len(chunk)
            yield chunk
        if sent < length:
            raise BrokenOff
    except BrokenOff:
        scope["state"][BROKEN_OFF] = True
        raise


async def _nothing() -> AsyncIterator[bytes]:
    yield b""
