"""The list of conversations, and the page that shows one of them beside it."""

from litestar import get
from litestar.params import FromPath
from litestar.response import Response

from parlour.accounts.authentication import TheViewer
from parlour.accounts.pages import Pages
from parlour.conversations.memberships import Place, enter, read_up_to
from parlour.conversations.settings import MUTES, chosen_mute
from parlour.db import Database
from parlour.errors import Refusal
from parlour.events import ConversationShown
from parlour.forms import GREATEST_ID, Asked, Given, new_key, parse_id, parse_number
from parlour.hub import Hub
from parlour.inbox.listing import digest, list_conversations
from parlour.messages.drawing import as_page
from parlour.messages.history import Line, read_page
from parlour.messages.routes import wants_fragments
from parlour.voice.listened import read_listened

PURPOSES = ("sec-purpose", "purpose", "x-moz")  # in which browsers say that they fetch a page before it is wanted


class NoPlace(Refusal):
    """`?before=` is no number."""

    sentence = "The address asks for messages before something that is no number."


@get("/")
async def inbox(request: Asked, viewer: TheViewer, database: Given[Database], pages: Given[Pages]) -> Response[str]:
    """Every conversation of the viewer."""
    async with database.reading() as db:
        entries = await list_conversations(db, viewer.id)
    return pages.show(request, "inbox/inbox.html", entries=entries, list_digest=digest(entries))


@get("/conversations/{conversation_id:str}")
async def conversation(
    request: Asked,
    conversation_id: FromPath[str],
    viewer: TheViewer,
    database: Given[Database],
    pages: Given[Pages],
    hub: Given[Hub],
) -> Response[str]:
    """One conversation: its latest messages, or those before a place."""
    before = _before(request)
    async with database.reading() as db:
        place = await enter(db, viewer.id, parse_id(conversation_id))
        lines = await read_page(db, place.id, before)
        while before > place.last_seq and lines and lines[0].posted_revision > place.revision:
            # So much was said between these two looks that the page would begin after its own cursor.
            place = await enter(db, viewer.id, place.id)
            lines = await read_page(db, place.id, before)
    latest = before > place.last_seq
    if _is_seen(request):
        hub.publish([ConversationShown(place.id, viewer.id)])
    if _is_seen(request) and "scripts" not in request.cookies:  # scripts will say so themselves
        await _mark_as_read(database, place, lines)
    async with database.reading() as db:
        entries = await list_conversations(db, viewer.id, place.id)
        listened = await read_listened(db, viewer.id, [line.recording.id for line in lines if line.recording])
    older = lines[0].seq if lines and lines[0].seq > 1 else None
    shown = {"conversation": place, "rows": as_page(lines, viewer.id, listened), "older": older}
    if not latest and wants_fragments(request):
        return pages.show(request, "inbox/_older_rows.html", **shown)
    return pages.show(
        request,
        "inbox/conversation.html",
        **shown,
        latest=latest,
        after=place.revision,
        key=new_key(),
        text=viewer.carried_to(f"/conversations/{place.id}"),
        entries=entries,
        list_digest=digest(entries),
        mutes=MUTES,
        mute=chosen_mute(place.muted_until),
    )


def _before(request: Asked) -> int:
    """The place before which messages are wanted; beyond every place where none is named."""
    text = request.query_params.get("before")
    if text is None:
        return GREATEST_ID
    place = parse_number(text)
    if place is None:
        raise NoPlace
    return place


def _is_seen(request: Asked) -> bool:
    """Whether somebody sees the page that is answered: not where it is fetched before it is wanted."""
    ahead = any("prefetch" in request.headers.get(name, "") for name in PURPOSES)
    return not ahead and "only_head" not in request.state


async def _mark_as_read(database: Database, place: Place, lines: list[Line]) -> None:
    if lines and lines[-1].seq > place.read_seq:
        async with database.transaction() as db:
            await read_up_to(db, place, lines[-1].seq)
