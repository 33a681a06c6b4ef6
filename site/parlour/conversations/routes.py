"""Finding people, and starting a conversation with them."""

from litestar import get, post
from litestar.response import Redirect, Response

from parlour.accounts.authentication import ThePosted, TheViewer
from parlour.accounts.pages import Pages
from parlour.accounts.users import find_people
from parlour.conversations.starting import find_or_start
from parlour.db import Database
from parlour.forms import Asked, Given
from parlour.rates import Limiter

QUERY_LIMIT = 100  # characters; no name is longer


@get("/people")
async def people(request: Asked, viewer: TheViewer, database: Given[Database], pages: Given[Pages]) -> Response[str]:
    """People by name."""
    query = request.query_params.get("q", "").replace("\0", "")[:QUERY_LIMIT]
    async with database.reading() as db:
        found = await find_people(db, viewer.id, query)
    return pages.show(request, "conversations/people.html", query=query, people=found)


@post("/conversations", opt={"page": "/people"})
async def start(
    request: Asked,
    posted: ThePosted,
    database: Given[Database],
    pages: Given[Pages],
    starts: Given[Limiter],
) -> Redirect:
    """To the conversation with somebody, which is begun if there is none yet."""
    name = posted.form.get("username", "")
    pages.on_refusal(request, "conversations/people.html", query=name, people=[])
    conversation_id = await find_or_start(database, starts, posted.viewer.id, name)
    return Redirect(f"/conversations/{conversation_id}", status_code=303)
