"""The live pages, which need no script: of a conversation, and of the inbox."""

from litestar import get
from litestar.params import FromPath
from litestar.types import ASGIApp

from parlour.accounts.authentication import TheViewer
from parlour.accounts.pages import Pages
from parlour.accounts.sessions import Viewer
from parlour.conversations.marks import DELIVERED, SENT
from parlour.conversations.memberships import enter
from parlour.db import Database
from parlour.errors import Refusal
from parlour.forms import Asked, Given, parse_id, parse_number
from parlour.inbox.routes import is_seen
from parlour.live.endless import endless
from parlour.live.live_page import LivePage
from parlour.live.sources import Above, Inbox, Messages, Start
from parlour.live.telling import Source, Telling
from parlour.messages.feed import Feed


class NoRevision(Refusal):
    """`?after=` is no number."""

    sentence = "The address asks for what came after something that is no number."


@get("/conversations/{conversation_id:str}/live", opt={"framed": True})
async def live_messages(
    request: Asked,
    conversation_id: FromPath[str],
    viewer: TheViewer,
    database: Given[Database],
    feed: Given[Feed],
    pages: Given[Pages],
    telling: Given[Telling],
) -> ASGIApp:
    """A conversation as it goes on: after a revision, or from its newest 50 messages."""
    async with database.reading() as db:
        place = await enter(db, viewer.id, parse_id(conversation_id))
    start = Start(after=_number(request, "after"), around=_number(request, "around"), above=_above(request))
    page = _page(request, viewer, place.id)
    return _answer(request, Messages(page, start, database, feed, pages.make_token(request)), telling)


@get("/inbox/live", opt={"framed": True})
async def live_inbox(request: Asked, viewer: TheViewer, database: Given[Database], telling: Given[Telling]) -> ASGIApp:
    """The list of conversations as it changes."""
    return _answer(request, Inbox(_page(request, viewer, None), database), telling)


def _page(request: Asked, viewer: Viewer, conversation_id: int | None) -> LivePage:
    return LivePage(
        user_id=viewer.id,
        session_id=viewer.session_id,
        ends_at=viewer.ends_at,
        conversation_id=conversation_id,
        reads=conversation_id is not None and is_seen(request),
    )


def _answer(request: Asked, source: Source, telling: Telling) -> ASGIApp:
    return endless(telling.tell(source), source.page.leave, only_head="only_head" in request.state)


def _above(request: Asked) -> Above | None:
    """What the page around says that has not come all the way: `sent=7`, or `delivered=7`."""
    said = ((state, _number(request, state.lower())) for state in (SENT, DELIVERED))
    return next((Above(seq, state) for state, seq in said if seq is not None), None)


def _number(request: Asked, name: str) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    number = parse_number(text)
    if number is None:
        raise NoRevision
    return number
