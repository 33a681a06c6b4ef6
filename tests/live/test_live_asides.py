"""What a live page tells beside its messages: of the last one on the page around it, and what is unread elsewhere."""

import re

import pytest

from browsing import ON_SQLITE
from conftest import OpenHouse
from following import live
from people import Person

pytestmark = pytest.mark.usefixtures("quiet_log")

HAS_REACHED = "Your last message above has reached Bo."
HAS_READ = "Bo has read your last message above."


async def frame_of(person: Person, talk: int) -> str:
    """The address of the live page in the ordinary page of a conversation."""
    page = await person.get(f"/conversations/{talk}")
    found = re.search(r'title="Live messages" src="([^"]+)"', page.text)
    assert found
    return found[1].replace("&amp;", "&")


@ON_SQLITE
async def test_how_far_the_last_message_above_has_come_is_told_below(open_house: OpenHouse) -> None:
    url = await open_house(live_page_age_s=2)
    async with Person(url) as ada, Person(url) as bo:
        await ada.sign_up("Ada")
        await bo.sign_up("Bo")
        talk = await ada.meet("Bo")
        await ada.say(talk, "are you there?")
        unseen = await frame_of(ada, talk)
        async with live(ada, unseen) as page:
            await page.hear("rows")
            await bo.get("/")
            await page.hear(HAS_REACHED)
            assert HAS_READ not in page.text
        told = await frame_of(ada, talk)  # which shows by itself that it was delivered
        await bo.get(f"/conversations/{talk}")
        async with live(ada, unseen) as page:
            await page.hear(HAS_READ)  # though that was before this page began
            words = await page.end()
        going_on = re.search(r'url=([^"]+)"', words)
        assert going_on
        async with live(ada, going_on[1].replace("&amp;", "&")) as page:
            await page.hear(HAS_READ)  # the page around is the same as before
        async with live(ada, told) as page:
            await page.hear(HAS_READ)
            assert HAS_REACHED not in page.text
        async with live(ada, await frame_of(ada, talk)) as page:
            await page.end()
            assert "above" not in page.text
        assert (await ada.get(f"/conversations/{talk}/live?sent=x")).status == 422


async def test_what_is_unread_in_other_conversations_is_told_whenever_that_changes(
    ada: Person, bo: Person, cy: Person, talk: int
) -> None:
    with_cy = await cy.meet("Ada")
    notes = await ada.meet("Ada")
    await cy.say(with_cy, "one")
    async with live(ada, f"/conversations/{talk}/live") as page, live(ada, f"/conversations/{with_cy}/live") as other:
        assert '<a href="/">1 unread in other conversations</a>' in await page.hear("unread in other")
        await bo.say(talk, "here")
        await ada.say(notes, "my own")
        await page.hear("here")
        await cy.say(with_cy, "two")
        await other.hear("two")
        await page.hear("Nothing is unread in other conversations")  # the other page has read it
        await bo.say(talk, "last")
        await page.hear("last")
        assert page.text.count("2 unread") <= 1
        assert "3 unread" not in page.text
    async with live(ada, f"/conversations/{with_cy}/live") as other:
        await bo.say(talk, "more")
        await bo.say(talk, "and more")
        await other.hear("2 unread in other conversations")
        await ada.post(f"/conversations/{talk}/read", {"seq": "99"})
        await other.hear("Nothing is unread in other")
