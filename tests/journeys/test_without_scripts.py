"""With scripts off, every page and form works: links, forms and answers are all there is."""

import re

from playwright.async_api import expect

from browsing import ON_SQLITE, Door, Visitor, expect_agreement
from people import Person


async def two_of_them(door: Door, url: str) -> tuple[Visitor, Visitor, int]:
    """Ada without scripts, Bo with, in their conversation."""
    ada, bo = await door.open_for(url, "Ada", scripts=False), await door.open_for(url, "Bo")
    await ada.sign_up()
    await bo.sign_up()
    conversation = await ada.meet("Bo")
    await bo.go(f"/conversations/{conversation}")
    return ada, bo, conversation


async def test_what_is_posted_is_shown_and_loading_again_posts_nothing(
    house: str, database_url: str, door: Door
) -> None:
    ada, bo, conversation = await two_of_them(door, house)
    await ada.say("hello")
    await expect(ada.page).to_have_url(f"{house}/conversations/{conversation}#latest")
    await expect(ada.article("hello")).to_be_in_viewport()
    await expect(ada.box).to_have_value("")
    await ada.load_again()
    await bo.say("hello to you")
    await expect(bo.texts).to_have_text(["hello", "hello to you"])
    await ada.follow("Reload")
    texts = ["hello", "hello to you"]
    await expect_agreement(database_url, conversation, [ada.page, bo.page], texts)
    await ada.load_again()
    await expect_agreement(database_url, conversation, [ada.page, bo.page], texts)


async def test_a_double_click_on_send_posts_once(house: str, database_url: str, door: Door) -> None:
    ada, bo, conversation = await two_of_them(door, house)
    await ada.box.fill("once")
    await ada.page.get_by_role("button", name="Send", exact=True).dblclick()
    await expect(ada.page).to_have_url(re.compile("#latest$"))
    await bo.say("I heard you")
    await expect(bo.texts).to_have_text(["once", "I heard you"])
    await ada.follow("Reload")
    await expect_agreement(database_url, conversation, [ada.page, bo.page], ["once", "I heard you"])


@ON_SQLITE
async def test_older_messages_are_a_link_away(house: str, door: Door) -> None:
    ada, other, conversation = await two_of_them(door, house)
    for each in (ada, other):  # a page that is open draws every word as it comes, which other tests look at
        await each.go("/settings")
    async with Person(house) as bo:
        await bo.sign_in("Bo")
        for number in range(1, 121):
            await bo.say_live(conversation, f"word {number}")
    await ada.go(f"/conversations/{conversation}")
    await expect(ada.texts).to_have_text([f"word {number}" for number in range(71, 121)])
    await ada.follow("Older messages")
    articles = ada.page.get_by_role("article").locator(".text")
    await expect(articles).to_have_text([f"word {number}" for number in range(21, 71)])
    await ada.follow("Older messages")
    await expect(articles).to_have_text([f"word {number}" for number in range(1, 21)])
    await expect(ada.page.get_by_role("link", name="Older messages", exact=True)).to_have_count(0)
    await ada.say("back at the end")
    await expect(ada.texts.last).to_have_text("back at the end")


@ON_SQLITE
async def test_a_refused_text_is_in_the_composer_again(house: str, door: Door) -> None:
    ada, bo, _ = await two_of_them(door, house)
    ada.means_status(422)
    long = "x" * 10_001
    await ada.say(long)
    await expect(ada.page.get_by_role("alert")).to_contain_text("10,000")
    await expect(ada.box).to_have_value(long)
    await ada.say("shorter")
    await expect(bo.texts).to_have_text(["shorter"])


@ON_SQLITE
async def test_messages_are_edited_and_deleted_on_pages_of_their_own(house: str, door: Door) -> None:
    ada, bo, conversation = await two_of_them(door, house)
    await ada.say("tow")
    await (await ada.open_menu("tow")).get_by_role("link", name="Edit", exact=True).click()
    await ada.fill("Edit message", "two")
    await ada.press("Save")
    await expect(ada.article("two")).to_contain_text("edited")
    assert ada.conversation == conversation
    await expect(bo.texts).to_have_text(["two"])
    await (await ada.open_menu("two")).get_by_role("link", name="Delete", exact=True).click()
    await ada.press("Delete message")
    for visitor in (ada, bo):
        await expect(visitor.texts).to_have_text(["Message deleted"])


@ON_SQLITE
async def test_sessions_are_listed_and_ended_and_signing_out_is_a_button(house: str, door: Door) -> None:
    ada, _, _ = await two_of_them(door, house)
    async with Person(house) as elsewhere:
        await elsewhere.sign_in("Ada")
        await ada.go("/settings")
        await ada.follow("Sessions")
        sessions = ada.page.get_by_role("list", name="Sessions", exact=True).get_by_role("listitem")
        await expect(sessions).to_have_count(2)
        other = sessions.filter(has_not_text="This session")
        await other.get_by_role("button", name="End session", exact=True).click()
        await expect(sessions).to_have_count(1)
        assert (await elsewhere.get("/")).status == 303
    await ada.go("/")
    await ada.press("Sign out")
    await expect(ada.page).to_have_url(f"{house}/sign-in")
