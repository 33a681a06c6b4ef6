"""What a browser with scripts does when the server refuses: the text comes back, with a sentence that says why."""

from playwright.async_api import expect

from browsing import ON_SQLITE, Door
from conftest import OpenHouse
from parlour.rates import Rate

UNREACHABLE = "The server cannot be reached. Try again in a moment."


async def test_what_was_said_too_often_is_back_in_the_composer_in_its_order(open_house: OpenHouse, door: Door) -> None:
    ada = await door.open_for(await open_house(rate_posts=Rate(2, 60)), "Ada")
    ada.means_status(429)
    await ada.come_in("Ada")
    ada.means_cuts()
    for text in ("one", "two"):
        await ada.say(text)
        await expect(ada.article(text)).to_be_visible()
    await ada.context.set_offline(True)
    for text in ("three", "four"):
        await ada.say(text)
    await ada.context.set_offline(False)
    await expect(ada.page.locator("#composer-alert")).to_contain_text("too often")
    await expect(ada.box).to_have_value("three\nfour")
    await expect(ada.texts).to_have_text(["one", "two"])
    await expect(ada.outbox).to_have_count(0)


async def test_sending_nothing_is_answered_with_a_sentence_and_a_double_click_is_not(house: str, door: Door) -> None:
    ada = await door.open_for(house, "Ada")
    await ada.come_in("Ada")
    complaint = ada.page.locator("#composer-alert")
    await ada.press("Send")
    await expect(complaint).to_have_text("Write something first: this message is empty.")
    await ada.box.fill("something")
    await ada.page.get_by_role("button", name="Send", exact=True).dblclick()
    await expect(ada.texts).to_have_text(["something"])
    await expect(complaint).to_have_text("")


@ON_SQLITE
async def test_who_asks_a_server_that_is_out_of_reach_is_told_so(house: str, door: Door) -> None:
    ada = await door.open_for(house, "Ada")
    ada.means_cuts()
    await ada.come_in("Ada")
    await ada.say("something")
    await ada.open_menu("something")
    search = await ada.context.new_page()
    await search.goto(f"{house}/people")
    found = search.get_by_role("button", name="Message Ada", exact=True)
    await expect(found).to_be_visible()
    await ada.context.set_offline(True)
    await ada.follow("Edit")
    await expect(ada.page.locator("#refusal")).to_have_text(UNREACHABLE)
    name = search.get_by_role("searchbox", name="Find people", exact=True)
    await name.fill("Bo")
    await expect(search.get_by_role("alert").filter(has_text=UNREACHABLE)).to_be_visible()
    await expect(found).to_have_count(0)
    await ada.context.set_offline(False)
    await expect(ada.page.locator("#refusal")).to_have_text("")
    await name.fill("Ada")
    await expect(found).to_be_visible()
    await expect(search.get_by_role("alert").filter(has_text=UNREACHABLE)).to_have_count(0)
