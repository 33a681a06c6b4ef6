"""One person, several tabs and devices: each shows the same, once."""

from playwright.async_api import expect

from browsing import ON_SQLITE, Door, Pair, expect_agreement, stored
from people import Person


async def test_every_tab_of_both_shows_every_message_once(pair: Pair, database_url: str) -> None:
    ada, bo, conversation = pair
    first = ada.page
    second = await ada.new_tab(f"/conversations/{conversation}")
    inbox = await ada.new_tab("/")
    for number, page in enumerate((first, second, first), start=1):
        ada.page = page
        await ada.say(f"word {number}")
        await expect(ada.texts).to_have_count(number)
    await bo.say("word 4")
    texts = [f"word {number}" for number in range(1, 5)]
    await expect_agreement(database_url, conversation, [first, second, bo.page], texts)
    await expect(inbox.get_by_role("list", name="Conversations", exact=True)).to_contain_text("word 4")


async def test_a_double_click_on_send_and_a_form_that_is_sent_again_post_once(pair: Pair, database_url: str) -> None:
    ada, bo, conversation = pair
    await ada.box.fill("once")
    await ada.page.get_by_role("button", name="Send", exact=True).dblclick()
    await expect(bo.texts).to_have_text(["once"])
    fields = await ada.page.locator("#composer").evaluate("form => Object.fromEntries(new FormData(form))")
    async with Person(ada.url) as again:
        await again.sign_in("Ada")
        form = {name: str(value) for name, value in fields.items()}
        for text in ("twice", "twice", "another"):
            await again.post(f"/conversations/{conversation}/messages", form | {"text": text})
    await expect_agreement(database_url, conversation, [ada.page, bo.page], ["once", "twice", "another"])


@ON_SQLITE
async def test_reload_back_and_forward_store_nothing_twice(pair: Pair, database_url: str) -> None:
    ada, bo, conversation = pair
    await ada.say("one")
    await expect(bo.texts).to_have_text(["one"])
    await ada.page.reload()
    await ada.go("/settings")
    await ada.page.go_back()
    await ada.page.go_forward()
    await ada.page.go_back()
    await expect(ada.texts).to_have_text(["one"])
    await ada.say("two")
    await expect_agreement(database_url, conversation, [ada.page, bo.page], ["one", "two"])
    assert len(await stored(database_url, conversation)) == 2


@ON_SQLITE
async def test_each_tab_keeps_its_draft_and_its_person(pair: Pair, database_url: str) -> None:
    ada, bo, conversation = pair
    ada.means_status(403)
    ada.means_cuts()
    first = ada.page
    await ada.box.fill("not said yet")
    await ada.new_tab(f"/conversations/{conversation}")
    await ada.say("said at once")
    await expect(bo.texts).to_have_text(["said at once"])
    ada.page = first
    await ada.go("/settings")
    async with first.expect_response("**/read"):  # before she signs out, since it would be refused afterwards
        await ada.go(f"/conversations/{conversation}")
        await expect(ada.box).to_have_value("not said yet")
    await ada.context.route("**/messages", lambda route: route.abort())
    await ada.press("Send")
    await expect(ada.outbox).to_contain_text("not said yet")
    await ada.new_tab("/settings")
    await ada.press("Sign out")
    ada.name = "Bo"
    await ada.sign_in()
    await expect(ada.page).to_have_url(f"{ada.url}/")
    ada.page = first
    await ada.context.unroute("**/messages")
    await first.evaluate("dispatchEvent(new Event('online'))")
    complaint = first.locator("#composer-alert")
    for _ in range(2):
        await expect(complaint).to_contain_text("Bo is signed in here now")
        await expect(ada.box).to_have_value("not said yet")
        await complaint.evaluate("place => { place.textContent = '' }")
        await ada.press("Send")
    await ada.follow("Load this page anew")
    await expect(ada.page.get_by_role("heading", name="Ada", exact=True)).to_be_visible()
    await expect(ada.box).to_have_value("")
    await expect_agreement(database_url, conversation, [ada.page, bo.page], ["said at once"])


@ON_SQLITE
async def test_what_a_new_tab_takes_over_as_a_draft_goes_from_it_when_it_is_sent(house: str, door: Door) -> None:
    ada = await door.open_for(house, "Ada")
    await ada.come_in("Ada")
    first, path = ada.page, f"/conversations/{ada.conversation}"
    await ada.box.fill("not said")
    second = await ada.new_tab(path)
    await expect(ada.box).to_have_value("not said")
    third = await ada.new_tab(path)
    await ada.box.press_sequentially(", and more")
    ada.page = first
    await ada.box.press_sequentially(" yet")
    ada.page = second
    await expect(ada.box).to_have_value("not said yet")
    ada.page = first
    await ada.press("Send")
    ada.page = second
    await expect(ada.texts).to_have_text(["not said yet"])
    await expect(ada.box).to_have_value("")
    ada.page = third
    await expect(ada.box).to_have_value("not said, and more")


@ON_SQLITE
async def test_what_is_unread_shows_live_and_goes_when_it_is_read(house: str, door: Door) -> None:
    ada, bo = await door.open_for(house, "Ada"), await door.open_for(house, "Bo")
    await bo.come_in()
    await ada.come_in("Bo")
    for number in range(1, 4):
        await ada.say(f"word {number}")
        await expect(bo.entry("Ada")).to_contain_text(f"{number} unread")
    inbox = bo.page
    await bo.new_tab(f"/conversations/{ada.conversation}")
    await expect(bo.texts).to_have_count(3)
    bo.page = inbox
    await expect(bo.entry("Ada")).not_to_contain_text("unread")


@ON_SQLITE
async def test_older_messages_come_in_place_and_a_permalink_leads_to_one_of_them(house: str, door: Door) -> None:
    bo = await door.open_for(house, "Bo")
    await bo.enrol()  # no page is open that would draw each word as it comes
    async with Person(house) as ada:
        await ada.sign_up("Ada")
        conversation = await ada.meet("Bo")
        for number in range(1, 121):
            await ada.say_live(conversation, f"word {number}")
    await bo.go(f"/conversations/{conversation}")
    await expect(bo.texts.last).to_have_text("word 120")
    await expect(bo.article("word 120")).to_be_in_viewport()
    for count in (100, 120):
        await bo.follow("Older messages")
        await expect(bo.texts).to_have_count(count)
    await expect(bo.texts).to_have_text([f"word {number}" for number in range(1, 121)])
    await expect(bo.page.get_by_role("link", name="Older messages", exact=True)).to_have_count(0)
    article = bo.log.get_by_role("article").nth(4)
    element_id = await article.get_attribute("id")
    await article.get_by_text("Message actions").click()
    await article.get_by_role("link", name="Permalink", exact=True).click()
    await expect(bo.page.locator(f"#{element_id}")).to_be_in_viewport()
