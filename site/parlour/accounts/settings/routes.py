"""The page of settings, and its form."""

from litestar import get, post
from litestar.response import Redirect, Response

from parlour.accounts.authentication import ThePosted, TheViewer
from parlour.accounts.pages import Pages
from parlour.accounts.settings.choices import Choices, read_choices, save_choices
from parlour.db import Database
from parlour.forms import Asked, Given


@get("/settings")
async def show(request: Asked, viewer: TheViewer, database: Given[Database], pages: Given[Pages]) -> Response[str]:
    """What a person can decide."""
    async with database.reading() as db:
        choices = await read_choices(db, viewer.id)
    return pages.show(request, "accounts/settings.html", choices=choices)


@post("/settings", opt={"page": "/settings"})
async def save(posted: ThePosted, database: Given[Database]) -> Redirect:
    """Saves the form; a box that is not ticked is not sent."""
    form = posted.form
    choices = Choices(gives_receipts="receipts" in form, shows_online="online" in form, shows_typing="typing" in form)
    async with database.transaction() as db:
        await save_choices(db, posted.viewer.id, choices)
    return Redirect("/settings", status_code=303)
