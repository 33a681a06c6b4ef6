"""Finding people, starting a conversation with them, and what is decided for that one."""

from collections.abc import Mapping

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Redirect, Response

from parlour.accounts.authentication import ThePosted, TheViewer
from parlour.accounts.pages import FormPage, Pages, Shown
from parlour.accounts.users import find_people
from parlour.conversations import settings
from parlour.conversations.memberships import enter
from parlour.conversations.starting import find_or_start
from parlour.db import Database
from parlour.forms import Asked, Form, Given, parse_id
from parlour.rates import Limiter

QUERY_LIMIT = 100  # characters; no name is longer


@get("/people")
async def people(request: Asked, viewer: TheViewer, database: Given[Database], pages: Given[Pages]) -> Response[str]:
    """People by name."""
    query = request.query_params.get("q", "").replace("\0", "")[:QUERY_LIMIT]
    async with database.reading() as db:
        found, more = await find_people(db, viewer.id, query)
    return pages.show(request, "conversations/people.html", query=query, people=found, more=more)


def people_again(form: Form, _ids: Mapping[str, str]) -> Shown:
    """The page of people, with the name that was asked for."""
    return "conversations/people.html", {"query": form.get("username", ""), "people": [], "more": False}


@post("/conversations", opt={"page": "/people", "form_page": FormPage(people_again)})
async def start(posted: ThePosted, database: Given[Database], starts: Given[Limiter]) -> Redirect:
    """To the conversation with somebody, which is begun if there is none yet."""
    name = posted.form.get("username", "")
    conversation_id = await find_or_start(database, starts, posted.viewer.id, name)
    return Redirect(f"/conversations/{conversation_id}", status_code=303)


@post("/conversations/{conversation_id:str}/settings", opt={"page": "/conversations/{conversation_id}"})
async def save_settings(conversation_id: FromPath[str], posted: ThePosted, database: Given[Database]) -> Redirect:
    """Saves what the viewer decided for this conversation; a box that is not ticked is not sent."""
    form = posted.form
    async with database.reading() as db:
        place = await enter(db, posted.viewer.id, parse_id(conversation_id))
    async with database.transaction() as writing:
        mute = form.get("mute", settings.chosen_mute(place.muted_until))
        await settings.save_settings(writing, place, gives_receipts="receipts" in form, mute=mute)
    return Redirect(f"/conversations/{place.id}", status_code=303)
