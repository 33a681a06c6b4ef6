"""The list of conversations, and the page that shows one of them beside it."""

import contextlib
from typing import Protocol

from litestar import get
from litestar.params import FromPath
from litestar.response import Response

from parlour.accounts.authentication import TheViewer
from parlour.accounts.pages import Pages
from parlour.conversations.marks import DELIVERED, SENT, Standings, deliver, marks_for, read_standings
from parlour.conversations.memberships import Place, enter
from parlour.conversations.settings import MUTES, chosen_mute
from parlour.db import Database
from parlour.errors import Refusal, Unavailable
from parlour.events import ConversationShown
from parlour.forms import GREATEST_ID, Asked, Given, new_key, parse_id, parse_number, wants_fragments
from parlour.hub import Hub
from parlour.inbox.listing import ENTRIES_AT_MOST, Entry, digest, list_conversations
from parlour.messages.drawing import MessageRow, as_page
from parlour.messages.history import PAGE_ROWS, Line, read_page
from parlour.messages.reading import read_up_to
from parlour.voice.listened import read_listened

# In which browsers say that they fetch a page before it is wanted, and what they say.
PURPOSES = ("sec-purpose", "purpose", "x-purpose", "x-moz")
AHEAD = ("prefetch", "preview")


class Company(Protocol):
    """Knows who is here, and what they are doing."""

    def activity(self, conversation_id: int, standings: Standings, viewer_id: int) -> str:
        """What this member may know of what the others are doing now, in a few words."""


class NoPlace(Refusal):
    """`?before=` is no number."""

    sentence = "The address asks for messages before something that is no number."


@get("/")
async def inbox(request: Asked, viewer: TheViewer, database: Given[Database], pages: Given[Pages]) -> Response[str]:
    """Every conversation of the viewer."""
    async with database.reading() as db:
        entries = await list_conversations(db, viewer.id)
    if is_seen(request):
        await _note_served(database, viewer.id, entries)
    return pages.show(request, "inbox/inbox.html", **_list(entries))


@get("/conversations/{conversation_id:str}")
async def conversation(
    request: Asked,
    conversation_id: FromPath[str],
    viewer: TheViewer,
    database: Given[Database],
    pages: Given[Pages],
    hub: Given[Hub],
    company: Given[Company],
) -> Response[str]:
    """One conversation: its latest messages, or those before a place; with `?since=`, what changed in them after it."""
    async with database.reading() as db:
        place = await enter(db, viewer.id, parse_id(conversation_id))
        before = _before(request)
        lines = await read_page(db, place.id, before)
        while before > place.last_seq and lines and lines[0].posted_revision > place.revision:
            # So much was said between these two looks that the page would begin after its own cursor.
            place = await enter(db, viewer.id, place.id)
            lines = await read_page(db, place.id, before)
    latest = before > place.last_seq
    if is_seen(request):
        hub.publish([ConversationShown(place.id, viewer.id)])
    if is_plain(request):
        await mark_as_read(database, place, lines)
    async with database.reading() as db:
        entries = await list_conversations(db, viewer.id, place.id)
        standings = await read_standings(db, place.id)
        listened = await read_listened(db, viewer.id, [line.recording.id for line in lines if line.recording])
    if is_seen(request):
        await _note_served(database, viewer.id, entries)
    marks = marks_for(standings, viewer.id)
    rows = as_page(lines, viewer.id, listened, marks)
    shown = {"conversation": place, "rows": rows} | _places(request, place, lines)
    if not latest and wants_fragments(request):
        since = parse_number(request.query_params.get("since", ""))
        if since is not None:
            return pages.show(request, "inbox/_older_changes.html", rows=[row for row in rows if row.revision > since])
        # The rows are as new as that revision, or newer: it was read before them.
        return pages.show(request, "inbox/_older_rows.html", **shown, before=before, since=place.revision)
    return pages.show(
        request,
        "inbox/conversation.html",
        **shown,
        latest=latest,
        on_its_way=_on_its_way(rows),
        after=place.revision,
        key=new_key(),
        text=viewer.carried_to(f"/conversations/{place.id}"),
        **_list(entries),
        marks=marks,
        activity=company.activity(place.id, standings, viewer.id),
        mutes=MUTES,
        mute=chosen_mute(place.muted_until),
    )


def _on_its_way(rows: list[MessageRow]) -> MessageRow | None:
    """The viewer's own last message, as long as it may come further than the page says."""
    last = next((row for row in reversed(rows) if row.mine and not row.deleted), None)
    return last if last and last.state in (SENT, DELIVERED) else None


def _before(request: Asked) -> int:
    """The place before which messages are wanted; beyond every place where none is named."""
    text = request.query_params.get("before")
    if text is None:
        return GREATEST_ID
    place = parse_number(text)
    if place is None:
        raise NoPlace
    return place


def is_seen(request: Asked) -> bool:
    """Whether somebody looks at what is served: not where a browser fetches it before it is wanted."""
    said = " ".join(request.headers.get(name, "") for name in PURPOSES).lower()
    return not any(word in said for word in AHEAD) and "only_head" not in request.state


def is_plain(request: Asked) -> bool:
    """Whether what is served is seen by that alone: where there are scripts, they will say so."""
    return is_seen(request) and "scripts" not in request.cookies


async def mark_as_read(database: Database, place: Place, lines: list[Line]) -> None:
    if lines and lines[-1].seq > place.told_seq:
        with contextlib.suppress(Unavailable):  # what cannot be noted now is noted when it is looked at next
            async with database.transaction() as db:
                await read_up_to(db, place, lines[-1].seq)


async def _note_served(database: Database, user_id: int, entries: list[Entry]) -> None:
    """What the list shows has come to its reader."""
    came = {(entry.conversation_id, user_id): entry.undelivered for entry in entries if entry.undelivered}
    if came:
        with contextlib.suppress(Unavailable):
            async with database.transaction() as db:
                await deliver(db, came)


def _places(request: Asked, place: Place, lines: list[Line]) -> dict[str, object]:
    """Where older messages and new ones begin; the address of a page further back says where they did at first."""
    older = lines[0].seq if lines and lines[0].seq > 1 else None
    told = parse_number(request.query_params.get("new", ""))
    first_new = _first_unread(place, lines) if told is None else told
    if not 0 < first_new <= place.last_seq:
        return {"older": older, "first_new": None, "new_before": None}
    here = bool(lines) and lines[0].seq <= first_new <= lines[-1].seq
    # Elsewhere than on this page: the page on which they begin has as much before as after it.
    return {"older": older, "first_new": first_new, "new_before": None if here else first_new + PAGE_ROWS // 2}


def _first_unread(place: Place, lines: list[Line]) -> int:
    """Where what is unread begins, 0 where nothing is; if this page does not reach so far back, at the read mark."""
    behind = place.read_seq + 1
    if not place.unread or not lines or lines[0].seq > behind:
        return behind if place.unread else 0
    news = (line.seq for line in lines if line.seq >= behind and line.author_id != place.user_id and not line.deleted)
    return next(news, behind)


def _list(entries: list[Entry]) -> dict[str, object]:
    """The list as a page shows it, with how many messages are unread in all: what its lines show, added up."""
    return {
        "entries": entries,
        "list_digest": digest(entries),
        "list_is_full": len(entries) >= ENTRIES_AT_MOST,
        "unread": sum(entry.unread for entry in entries),
    }
