"""Editing and deleting what one said: in place, on every open page, and for those who were away."""

import re

from playwright.async_api import Route, expect

from browsing import ON_SQLITE, Door, Pair, expect_agreement, stored
from people import Person


async def test_an_edit_and_a_deletion_reach_both_pages_in_place(pair: Pair, database_url: str) -> None:
    ada, bo, conversation = pair
    for text in ("one", "tow", "three"):
        await ada.say(text)
    await expect(bo.texts).to_have_text(["one", "tow", "three"])
    article = await ada.open_menu("tow")
    await article.get_by_role("link", name="Edit", exact=True).click()
    box = ada.page.get_by_role("textbox", name="Edit message", exact=True)
    await expect(box).to_have_value("tow")
    await expect(box).to_be_focused()
    await box.fill("two")
    await ada.press("Save")
    await expect(box).to_be_hidden()
    await expect_agreement(database_url, conversation, [ada.page, bo.page], ["one", "two", "three"])
    for visitor in (ada, bo):
        await expect(visitor.article("two")).to_contain_text("edited")
        assert visitor.conversation == conversation
    article = await ada.open_menu("three")
    await article.get_by_role("link", name="Delete", exact=True).click()
    await ada.press("Delete message")
    texts = ["one", "two", "Message deleted"]
    await expect_agreement(database_url, conversation, [ada.page, bo.page], texts)
    await expect(bo.entry("Ada")).not_to_contain_text("three")
    for visitor in (ada, bo):
        links = (await visitor.open_menu("Message deleted")).get_by_role("link")
        await expect(links).to_have_text(["Permalink"])


async def test_who_was_away_finds_what_was_changed_meanwhile(pair: Pair, database_url: str) -> None:
    ada, bo, conversation = pair
    bo.means_cuts()
    for text in ("one", "tow", "three"):
        await ada.say(text)
    await expect(bo.texts).to_have_text(["one", "tow", "three"])
    await bo.context.set_offline(True)
    number = (await stored(database_url, conversation))[1].element_id.removeprefix("message-")
    await ada.go(f"/messages/{number}/edit")
    await ada.fill("Edit message", "two")
    await ada.press("Save")
    await expect(ada.texts).to_have_text(["one", "two", "three"])
    await ada.say("four")
    await (await ada.open_menu("one")).get_by_role("link", name="Delete", exact=True).click()
    await ada.press("Delete message")
    await expect(ada.texts).to_have_text(["Message deleted", "two", "three", "four"])
    await bo.context.set_offline(False)
    texts = ["Message deleted", "two", "three", "four"]
    await expect_agreement(database_url, conversation, [ada.page, bo.page], texts)
    await expect(bo.article("two")).to_contain_text("edited")


@ON_SQLITE
async def test_escape_and_cancel_leave_an_edit_and_change_nothing(pair: Pair) -> None:
    ada, bo, _ = pair
    await ada.say("as it is")
    box = ada.page.get_by_role("textbox", name="Edit message", exact=True)
    for leave in ("Escape", "Cancel"):
        article = await ada.open_menu("as it is")
        await article.get_by_role("link", name="Edit", exact=True).click()
        await box.fill("something else")
        if leave == "Escape":
            await box.press("Escape")
        else:
            await ada.follow("Cancel")
        await expect(box).to_be_hidden()
    await expect(ada.texts).to_have_text(["as it is"])
    await expect(bo.texts).to_have_text(["as it is"])


@ON_SQLITE
async def test_an_edit_that_is_refused_keeps_what_was_typed(pair: Pair) -> None:
    ada, _, _ = pair
    ada.means_status(422)
    await ada.say("short")
    await (await ada.open_menu("short")).get_by_role("link", name="Edit", exact=True).click()
    box = ada.page.get_by_role("textbox", name="Edit message", exact=True)
    long = "x" * 10_001
    await box.fill(long)
    await ada.press("Save")
    await expect(ada.article("short").get_by_role("alert")).to_contain_text("10,000")
    await expect(box).to_have_value(long)
    await box.fill("right")
    await ada.press("Save")
    await expect(ada.texts).to_have_text(["right"])


@ON_SQLITE
async def test_an_open_edit_survives_what_comes_meanwhile(pair: Pair) -> None:
    ada, bo, _ = pair
    await ada.say("draft")
    await (await ada.open_menu("draft")).get_by_role("link", name="Edit", exact=True).click()
    box = ada.page.get_by_role("textbox", name="Edit message", exact=True)
    await box.fill("a better ")
    await bo.say("hello?")
    await expect(ada.texts).to_have_text(["draft", "hello?"])
    await expect(box).to_be_focused()
    await box.press_sequentially("draft")
    await ada.load_again()
    await expect(box).to_have_value("a better draft")
    await ada.press("Save")
    await expect(bo.texts).to_have_text(["a better draft", "hello?"])
    await ada.load_again()
    await expect(ada.texts).to_have_text(["a better draft", "hello?"])
    await expect(box).to_be_hidden()


@ON_SQLITE
async def test_what_changes_while_older_messages_are_on_their_way_reaches_them(house: str, door: Door) -> None:
    bo = await door.open_for(house, "Bo")
    await bo.come_in()
    async with Person(house) as ada:
        await ada.sign_up("Ada")
        conversation = await ada.meet("Bo")
        for number in range(1, 53):
            await ada.say_live(conversation, f"word {number}")
        await bo.go(f"/conversations/{conversation}")
        cursor = bo.page.locator("#cursor")
        shown = int(await cursor.input_value())

        async def hold(route: Route) -> None:
            answer = await route.fetch()
            old = (await ada.get(f"/conversations/{conversation}?before=3")).text
            first, second = re.findall(r'<article id="message-(\d+)"', old)
            await ada.post(f"/messages/{first}/edit", {"text": "another word"})
            await ada.post(f"/messages/{second}/delete")
            await expect(cursor).to_have_value(str(shown + 2))
            await route.fulfill(response=answer)

        await bo.page.route(f"**/conversations/{conversation}?before=*", hold, times=1)
        await bo.follow("Older messages")
        await expect(bo.texts).to_have_count(52)
        await expect(bo.texts.first).to_have_text("another word")
        await expect(bo.texts.nth(1)).to_have_text("Message deleted")
        await expect(bo.log.locator("[hidden]")).to_have_count(0)


@ON_SQLITE
async def test_without_scripts_editing_and_deleting_are_pages(house: str, pair: Pair) -> None:
    ada, bo, _ = pair
    await ada.say("tow")
    await ada.say("three")
    await expect(bo.texts).to_have_text(["tow", "three"])
    async with Person(house) as person:
        await person.sign_in("Ada")
        numbers = [await article.get_attribute("id") or "" for article in await bo.log.get_by_role("article").all()]
        edit, delete = (f"/messages/{number.removeprefix('message-')}" for number in numbers)
        await person.submit(f"{edit}/edit", f"{edit}/edit", text="two")
        await person.submit(f"{delete}/delete", f"{delete}/delete")
    for visitor in (ada, bo):
        await expect(visitor.texts).to_have_text(["two", "Message deleted"])
