"""A session ends while its pages are open: they say so, and what was typed is there after signing in again."""

import re
from datetime import UTC, datetime

from playwright.async_api import expect
from sqlalchemy import update

from browsing import ON_SQLITE, Door, Pair, expect_agreement
from parlour import db
from parlour.accounts.models import Session

SAID_WITHIN_MS = 1_000


async def end_others(door: Door, url: str, name: str) -> None:
    """Signs in with another browser, and ends every session but that one."""
    elsewhere = await door.open_for(url, name)
    await elsewhere.go("/sign-in")
    await elsewhere.sign_in()
    await elsewhere.go("/settings/sessions")
    sessions = elsewhere.page.get_by_role("list", name="Sessions", exact=True).get_by_role("listitem")
    others = sessions.filter(has_not_text="This session")
    await others.get_by_role("button", name="End session", exact=True).click()
    await expect(sessions).to_have_count(1)


async def test_an_ended_session_says_so_and_keeps_what_was_typed(
    pair: Pair, house: str, database_url: str, door: Door
) -> None:
    ada, bo, conversation = pair
    ada.means_status(401)
    await ada.say("before")
    await end_others(door, house, "Ada")
    told = ada.page.get_by_role("alert").filter(has_text="You are signed out.")
    await expect(told).to_be_visible(timeout=SAID_WITHIN_MS)
    await bo.say("can you hear me?")
    await expect(bo.texts).to_have_text(["before", "can you hear me?"])
    await expect(ada.texts).to_have_text(["before"])
    await ada.say("said to nobody")
    await expect(ada.page).to_have_url(re.compile("/sign-in"))
    await ada.sign_in()
    await expect(ada.page).to_have_url(re.compile(f"/conversations/{conversation}"))
    await expect(ada.box).to_have_value("said to nobody")
    await ada.press("Send")
    texts = ["before", "can you hear me?", "said to nobody"]
    await expect_agreement(database_url, conversation, [ada.page, bo.page], texts)


@ON_SQLITE
async def test_without_scripts_the_form_carries_the_text_through_signing_in(
    pair: Pair, house: str, database_url: str, door: Door
) -> None:
    _, _, conversation = pair
    ada = await door.open_for(house, "Ada", scripts=False)
    ada.means_status(401)
    await ada.go("/sign-in")
    await ada.sign_in()
    await ada.go(f"/conversations/{conversation}")
    database = db.connect(database_url, lambda _events: None)
    async with database.transaction() as writing:
        await writing.execute(update(Session).values(created_at=datetime(2000, 1, 1, tzinfo=UTC)))
    await database.close()
    await ada.say("two\nlines")
    await expect(ada.page.get_by_role("alert")).to_be_visible()
    await ada.sign_in()
    await expect(ada.page).to_have_url(re.compile(f"/conversations/{conversation}"))
    await expect(ada.box).to_have_value("two\nlines")
    scripted = await door.open_for(house, "Ada")
    await scripted.context.add_cookies(
        [{"name": each["name"], "value": each["value"], "url": house} for each in await ada.context.cookies()]
    )
    await scripted.go(f"/conversations/{conversation}")
    await expect(scripted.box).to_have_value("two\nlines")
    for newer in ("what I think now", ""):
        await scripted.box.fill(newer)
        await scripted.go("/settings")
        await scripted.go(f"/conversations/{conversation}")
        await expect(scripted.box).to_have_value(newer)
    await ada.press("Send")
    await expect(ada.texts).to_have_count(1)
