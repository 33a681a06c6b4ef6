"""How far a message has come, for those with scripts and without, live and after a reload; and what stays hidden."""

import re

from playwright.async_api import expect

from browsing import ON_SQLITE, Door, Pair, Visitor

pytestmark = ON_SQLITE
# An installed app's picture on the desktop cannot be looked at; what the page says of it can.
SHOW_BADGE = "navigator.setAppBadge = async (count) => document.documentElement.setAttribute('data-badge', count)"


async def expect_state(ada: Visitor, text: str, state: str) -> None:
    """Live, and then on a page that is loaded anew."""
    await expect(ada.state(text)).to_have_text(state)
    await ada.page.reload()
    await expect(ada.state(text)).to_have_text(state)


async def leave(person: Visitor) -> None:
    """Closes the tab, once its line is good."""
    await expect(person.activity).not_to_be_empty()
    await person.page.close()


async def test_what_ada_says_is_sent_then_delivered_then_read(pair: Pair, door: Door) -> None:
    ada, bo, conversation = pair
    await leave(bo)
    await ada.say("Are you there?")
    await expect_state(ada, "Are you there?", "Sent")
    assert await ada.page.locator("article:not(.mine) .state").count() == 0
    await bo.new_tab("/")  # the list alone brings it there, and reads nothing
    await expect_state(ada, "Are you there?", "Delivered")
    await bo.go(f"/conversations/{conversation}")
    await expect(ada.state("Are you there?")).to_have_text("Read")
    await ada.say("Good.")
    await expect_state(ada, "Good.", "Read")
    await expect(bo.log.locator(".state")).to_have_count(0)

    plain = await door.open_for(ada.url, "Bo", scripts=False)
    await leave(bo)
    await ada.say("And now?")
    await expect_state(ada, "And now?", "Sent")
    await plain.go("/sign-in")
    await plain.sign_in()
    await expect_state(ada, "And now?", "Delivered")
    await plain.go(f"/conversations/{conversation}")
    await expect_state(ada, "And now?", "Read")
    await plain.say("Without a script.")
    reader = await door.open_for(ada.url, "Ada", scripts=False)
    await reader.go("/sign-in")
    await reader.sign_in()
    await reader.go(f"/conversations/{conversation}")
    await expect(reader.state("And now?")).to_have_text("Read")
    await plain.page.reload(wait_until="domcontentloaded")
    await expect(plain.state("Without a script.")).to_have_text("Read")


async def test_what_is_read_without_receipts_is_never_more_than_delivered(pair: Pair) -> None:
    ada, bo, conversation = pair
    for hider, switch in ((bo, "/settings"), (ada, "/settings"), (bo, "here")):
        box = "Read receipts" if switch == "/settings" else "Read receipts here"
        await set_receipts(hider, conversation, box, on=False)
        text = f"Hidden by {hider.name} with {box}"
        await bo.go(f"/conversations/{conversation}")
        await ada.go(f"/conversations/{conversation}")
        await ada.say(text)
        await expect(bo.article(text)).to_be_visible()
        await expect(bo.page).to_have_title("Ada · Parlour")  # it was read
        await expect_state(ada, text, "Delivered")
        await set_receipts(hider, conversation, box, on=True)
        await bo.go(f"/conversations/{conversation}")
        await ada.go(f"/conversations/{conversation}")
        await ada.say(f"{text}, and shown again")
        await expect(ada.state(f"{text}, and shown again")).to_have_text("Read")
        await expect(ada.article(text).first.locator(".state .sr")).to_have_text("Delivered")
        await ada.page.reload()
        await expect(ada.article(text).first.locator(".state .sr")).to_have_text("Delivered")


async def save(person: Visitor, button: str) -> None:
    """Presses it and waits for the answer: who goes elsewhere at once may take the form back."""
    async with person.page.expect_navigation(wait_until="domcontentloaded"):
        await person.press(button)


async def set_receipts(person: Visitor, conversation: int, box: str, *, on: bool) -> None:
    if box == "Read receipts":
        await person.go("/settings")
        await person.page.get_by_label(box, exact=True).set_checked(on)
        await save(person, "Save settings")
    else:
        await person.go(f"/conversations/{conversation}")
        await person.page.get_by_text("Conversation settings").click()
        await person.page.get_by_label(box, exact=True).set_checked(on)
        await save(person, "Save")
    await person.go("/")


async def test_one_sees_whether_the_other_is_here_and_what_they_do(pair: Pair) -> None:
    ada, bo, conversation = pair
    await expect(ada.activity).to_have_text("Online")
    await bo.box.press_sequentially("I thi")
    await expect(ada.activity).to_have_text("Bo is typing")
    await expect(ada.activity).to_have_text("Online")  # by itself
    await bo.box.press_sequentially("nk so")
    await expect(ada.activity).to_have_text("Bo is typing")
    await bo.press("Send")
    await expect(ada.activity).to_have_text("Online")
    await bo.page.evaluate("document.dispatchEvent(new CustomEvent('activity', { detail: 'recording' }))")
    await expect(ada.activity).to_have_text("Bo is recording")
    await leave(bo)
    await expect(ada.activity).to_have_text("Last seen within the hour")
    await ada.page.reload()
    await expect(ada.activity).to_have_text("Last seen within the hour")

    await ada.go("/settings")
    await ada.page.get_by_label("Show when I am online", exact=True).uncheck()
    await ada.page.get_by_label("Show when I am typing", exact=True).uncheck()
    await save(ada, "Save settings")
    await bo.new_tab(f"/conversations/{conversation}")
    await ada.go(f"/conversations/{conversation}")
    await ada.box.press_sequentially("You cannot see me")
    await bo.box.press_sequentially("Nor can you")
    await expect(bo.article("I think so")).to_be_visible()
    for person in (ada, bo):
        await expect(person.activity).to_have_text("")


async def test_what_is_unread_is_told_everywhere_until_it_is_read(pair: Pair) -> None:
    ada, bo, conversation = pair
    await bo.page.context.add_init_script(SHOW_BADGE)
    await bo.go("/")
    tab = bo.page
    settings = await bo.new_tab("/settings")
    for number in range(1, 61):
        await ada.page.request.post(
            f"{ada.url}/conversations/{conversation}/messages",
            form={"text": f"Line {number}.", "key": f"0123456789abcdef{number}"},
            headers={"origin": ada.url},
        )
    await expect(tab).to_have_title("(60) Conversations · Parlour")
    await expect(tab.locator("#favicon")).to_have_attribute("href", re.compile("mark-unread"))
    await expect(tab.locator("html")).to_have_attribute("data-badge", "60")
    await expect(settings).to_have_title("(60) Settings · Parlour")
    bo.means_status(404)
    nowhere = await bo.new_tab("/nowhere")
    await expect(nowhere).to_have_title("(60) Nothing here · Parlour")

    await bo.new_tab(f"/conversations/{conversation}")
    await expect(bo.article("Line 60.")).to_be_in_viewport()  # a conversation opens at its latest message
    await expect(tab).to_have_title("Conversations · Parlour")  # read here, it is read there
    await expect(tab.locator("#favicon")).not_to_have_attribute("href", re.compile("mark-unread"))
    await expect(tab.locator("html")).to_have_attribute("data-badge", "0")
    await expect(settings).to_have_title("Settings · Parlour")  # also where there is no list
    await expect(nowhere).to_have_title("Nothing here · Parlour")
    await expect(bo.page).to_have_title("Ada · Parlour")
    await bo.follow("Jump to first new")
    separator = bo.page.get_by_role("separator", name="New messages", exact=True)
    await expect(separator).to_be_in_viewport()
    await expect(separator.locator("xpath=following::article[1]")).to_contain_text("Line 1.")
    await bo.follow("Jump to latest")
    await expect(bo.article("Line 60.")).to_be_in_viewport()


async def test_what_is_marked_unread_stays_so_until_the_page_is_loaded_again(pair: Pair, door: Door) -> None:
    ada, bo, conversation = pair
    for text in ("First.", "Second.", "Third."):
        await ada.say(text)
    await expect(ada.state("Third.")).to_have_text("Read")
    tab = bo.page
    await bo.new_tab("/")
    other = bo.page
    bo.page = tab
    await (await bo.open_menu("Second.")).get_by_role("button", name="Mark unread from here", exact=True).click()
    await expect(tab).to_have_title("(2) Ada · Parlour")
    await expect(other).to_have_title("(2) Conversations · Parlour")
    await ada.say("Fourth.")
    await expect(bo.article("Fourth.")).to_be_in_viewport()
    await expect(tab).to_have_title("(3) Ada · Parlour")
    await expect(ada.state("Fourth.")).to_have_text("Delivered")
    await expect(ada.state("Third.")).to_have_text("Read")  # others see no less than before
    await bo.say("My own.")
    await expect(ada.article("My own.")).to_be_visible()
    await expect(tab).to_have_title("(3) Ada · Parlour")
    plain = await door.open_for(bo.url, "Bo", scripts=False)
    await plain.go("/sign-in")
    await plain.sign_in()
    await expect(plain.page).to_have_title("(3) Conversations · Parlour")
    await plain.go(f"/conversations/{conversation}")  # another device reads as ever, and that clears all of them
    await expect(plain.page.get_by_role("separator", name="New messages", exact=True)).to_be_visible()
    await expect(tab).to_have_title("Ada · Parlour")
    await (await plain.open_menu("Fourth.")).get_by_role("button", name="Mark unread from here", exact=True).click()
    await expect(plain.page).to_have_title("(1) Conversations · Parlour")
    await expect(tab).to_have_title("(1) Ada · Parlour")
    await tab.reload()
    await expect(tab.get_by_role("separator", name="New messages", exact=True)).to_be_visible()
    await expect(tab).to_have_title("Ada · Parlour")
    await expect(tab.get_by_role("separator", name="New messages", exact=True)).to_be_visible()


async def test_what_does_not_go_can_be_sent_again_copied_or_thrown_away(pair: Pair) -> None:
    ada, bo, conversation = pair
    ada.means_cuts()
    ada.means_status(503)
    await ada.page.clock.install()
    await ada.go(f"/conversations/{conversation}")
    await ada.page.route("**/messages", lambda route: route.abort())
    await ada.say("It will go.")
    item = ada.outbox.get_by_role("listitem")
    await expect(item).to_contain_text("Sending")
    await ada.page.clock.run_for(29_000)
    await expect(item).to_contain_text("Sending")
    await ada.page.clock.run_for(2_000)
    await expect(item).to_contain_text("Not sent")
    await expect(item).to_contain_text("The server cannot be reached.")
    await ada.page.unroute("**/messages")
    await ada.press("Retry")
    await expect(bo.article("It will go.")).to_be_visible()
    await expect(item).to_have_count(0)

    sentence = '<p role="alert">We are out for a moment.</p>'
    await ada.page.route("**/messages", lambda route: route.fulfill(status=503, body=sentence))
    await ada.say("It will not go.")
    await ada.say("Nor will this.")
    await ada.page.clock.run_for(32_000)
    for each in (item.first, item.last):
        await expect(each).to_contain_text("Not sent")
        await expect(each).to_contain_text("We are out for a moment.")
    ada.means_status(500)
    # On top of the other one: between the two nothing may get through.
    await ada.page.route("**/messages", lambda route: route.fulfill(status=500, body="<p>Oh</p>"))
    await ada.page.reload()
    await expect(item.last).to_contain_text("Sending")
    await ada.page.clock.run_for(5_000)
    for each in (item.first, item.last):
        await expect(each).to_contain_text("Not sent")
        await expect(each).to_contain_text("The server failed.")
    await item.last.get_by_role("button", name="Discard", exact=True).click()
    await expect(item).to_have_count(1)
    await ada.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await ada.press("Copy")
    assert await ada.page.evaluate("navigator.clipboard.readText()") == "It will not go."
    await ada.press("Discard")
    await expect(item).to_have_count(0)
    await ada.page.reload()
    await expect(ada.article("It will go.")).to_be_visible()
    await expect(ada.article("It will not go.")).to_have_count(0)
    await expect(item).to_have_count(0)
