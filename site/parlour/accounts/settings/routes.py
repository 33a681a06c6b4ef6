"""The form of the page of settings; the page itself shows more than accounts know of."""

from litestar import post
from litestar.response import Redirect

from parlour.accounts.authentication import ThePosted
from parlour.accounts.settings.choices import Choices, read_choices, save_choices
from parlour.db import Database
from parlour.forms import Given


@post("/settings", opt={"page": "/settings"})
async def save(posted: ThePosted, database: Given[Database]) -> Redirect:
    """Saves the form; a box that is not ticked is not sent."""
    form = posted.form
    async with database.reading() as looking:
        before = await read_choices(looking, posted.viewer.id)
    choices = Choices(
        gives_receipts="receipts" in form,
        shows_online="online" in form,
        shows_typing="typing" in form,
        notifications_show=form.get("show", before.notifications_show),
    )
    async with database.transaction() as db:
        await save_choices(db, posted.viewer.id, choices)
    return Redirect("/settings", status_code=303)
