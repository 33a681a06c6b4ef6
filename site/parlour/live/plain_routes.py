"""Pages for those who have no scripts: one with a frame for each part, and one that comes anew by itself."""

import hashlib

import msgspec
from litestar import get
from litestar.params import FromPath
from litestar.response import Response

from parlour.accounts.authentication import CountUnread, TheViewer
from parlour.accounts.pages import Pages
from parlour.assets import Assets
from parlour.conversations.marks import marks_for, read_standings
from parlour.conversations.memberships import enter
from parlour.db import Database
from parlour.errors import Refusal
from parlour.forms import GREATEST_ID, Asked, Given, new_key, parse_id
from parlour.inbox.routes import is_seen, mark_as_read
from parlour.live.elsewhere import count_elsewhere, read_unread
from parlour.messages.drawing import as_page
from parlour.messages.history import read_page
from parlour.messages.routes import INTERVALS
from parlour.templating import html
from parlour.voice.listened import read_listened

USUAL_INTERVAL = "15"
NOT_MODIFIED = 304


class NoInterval(Refusal):
    """`?every=` is none of those that are offered."""

    sentence = "The page cannot come anew that often. Please choose from the list."


@get("/conversations/{conversation_id:str}/without-scripts")
async def without_scripts(
    request: Asked, conversation_id: FromPath[str], viewer: TheViewer, database: Given[Database], pages: Given[Pages]
) -> Response[str]:
    """A conversation in frames: what is posted from one of them does not load the other anew."""
    async with database.reading() as db:
        place = await enter(db, viewer.id, parse_id(conversation_id))
    return pages.show(request, "live/without_scripts.html", conversation=place, key=new_key())


@get("/conversations/{conversation_id:str}/refreshing")
async def refreshing(
    request: Asked,
    conversation_id: FromPath[str],
    viewer: TheViewer,
    database: Given[Database],
    pages: Given[Pages],
    assets: Given[Assets],
    count_unread: Given[CountUnread],
) -> Response[str]:
    """A conversation that comes anew every few seconds, or only when one asks for it."""
    every = request.query_params.get("every", USUAL_INTERVAL)
    async with database.reading() as db:
        place = await enter(db, viewer.id, parse_id(conversation_id))
        if every not in INTERVALS:
            raise NoInterval
        lines = await read_page(db, place.id, GREATEST_ID)
        standings = await read_standings(db, place.id)
        listened = await read_listened(db, viewer.id, [line.recording.id for line in lines if line.recording])
    if is_seen(request):
        await mark_as_read(database, place, lines)
        request.state["unread"] = await count_unread(viewer.id)
    async with database.reading() as db:
        unread = await read_unread(db, [viewer.id])
    elsewhere = count_elsewhere(unread[viewer.id], place.id)
    rows = as_page(lines, viewer.id, listened, marks_for(standings, viewer.id))
    counts = (request.state.get("unread", 0), elsewhere)
    tag = _tag((rows, place.name, viewer.name, every, counts, assets.url("app.css")))
    if every != "manual" and tag in request.headers.get("if-none-match", ""):
        # Of an answer without content nobody sees that it stands for a page, which may come compressed.
        response = html("", NOT_MODIFIED, vary="accept-encoding")
    else:
        back = request.query_params.get("back", every)
        response = pages.show(
            request,
            "live/refreshing.html",
            conversation=place,
            rows=rows,
            older=lines[0].seq if lines and lines[0].seq > 1 else None,
            first_new=None,
            unread_elsewhere=elsewhere,
            every=every,
            back=back if back in INTERVALS else every,
            intervals=INTERVALS,
            key=new_key(),
            text="",
            after=place.revision,
        )
    if every != "manual":
        # The browser may keep it, to be told that nothing is new; it must ask each time.
        response.headers["cache-control"] = "private, no-cache"
        response.headers["etag"] = tag
    return response


def _tag(shown: object) -> str:
    """A name for what a page shows, in quotes."""
    return f'"{hashlib.sha256(msgspec.json.encode(shown, enc_hook=str)).hexdigest()[:24]}"'
