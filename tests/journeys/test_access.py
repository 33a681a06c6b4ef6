"""Every page can be used by everybody: an inspection by axe in light and dark, and a conversation by keyboard alone."""

from typing import Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from browsing import ON_SQLITE, Door, Pair, Visitor
from people import PASSWORD, Person

OPEN_PAGES = ("/sign-in", "/sign-up")
PAGES = ("/", "/people", "/people?q=Bo", "/settings", "/settings/sessions", "/share", "/nowhere")
TABS_AT_MOST = 60
IS_OUTLINED = """
(control) => [control, ...control.querySelectorAll("*")].some((part) => getComputedStyle(part).outlineStyle !== "none")
"""
PHONE, DESKTOP = 360, 1280


# The last one tells of a message out of view that it was deleted, of another that it was read, and of what is unread.
WITHOUT_SCRIPTS = (
    "without-scripts",
    "composer",
    "refreshing?every=manual",
    "refreshing?every=60",
    "live",
    "live?after=5&sent=5",
)
# That a page comes anew by itself is what this one was chosen for; who wants it to stand still has "Manual only".
COMES_ANEW = "refreshing?every=60"


async def inspect(visitor: Visitor, place: str) -> None:
    left_out = {"meta-refresh": {"enabled": not place.endswith(COMES_ANEW)}}
    found = await Axe().run(visitor.page, options={"resultTypes": ["violations"], "rules": left_out})
    assert found.violations_count == 0, f"{place}\n{found.generate_report()}"


@pytest.mark.parametrize(("scheme", "width"), [("light", DESKTOP), ("dark", PHONE)])
@ON_SQLITE
async def test_axe_finds_nothing_on_any_page(
    house: str, door: Door, scheme: Literal["light", "dark"], width: int
) -> None:
    async with Person(house) as bo:
        await bo.sign_up("Bo")
        ada = await door.open_for(house, "Ada", width=width)
        ada.means_status(404)
        await ada.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for path in OPEN_PAGES:
            await ada.go(path)
            await inspect(ada, path)
        await ada.sign_up()
        await inspect(ada, "an empty inbox")
        conversation = await ada.meet("Bo")
        await inspect(ada, "an empty conversation")
        for text in (
            "hello",
            "**look**: `code`, and\n```\n" + "a long line of code " * 20 + "\n```",
            "> quoted: `code`, and\n> ```\n> a block\n> ```\n\nhttps://example.org",
        ):
            await ada.say(text)
            await bo.say(conversation, "yes")
        await expect(ada.texts).to_have_count(6)
        await inspect(ada, "a conversation")
        await ada.open_menu("hello")
        await inspect(ada, "a menu")
        for path in (*PAGES, f"/conversations/{conversation}?before=3"):
            await ada.go(path)
            await inspect(ada, path)
        await ada.go(f"/conversations/{conversation}")
        number = (await ada.article("quoted").get_attribute("id") or "").removeprefix("message-")
        for path in (f"/messages/{number}/edit", f"/messages/{number}/delete"):
            await ada.go(path)
            await inspect(ada, path)
        await ada.press("Delete message")
        await expect(ada.article("Message deleted")).to_be_visible()
        await inspect(ada, "a tombstone")
        await bo.get(f"/conversations/{conversation}")
        async with Person(house) as cy:
            await cy.sign_up("Cy")
            await cy.say(await cy.meet("Ada"), "psst")
        for path in ("/inbox/live", *(f"/conversations/{conversation}/{page}" for page in WITHOUT_SCRIPTS)):
            await ada.page.goto(house + path, wait_until="commit")  # some of them never end
            await expect(ada.page.get_by_role("main")).to_be_visible()
            if "/live?" in path:
                await expect(ada.page.get_by_text("Bo has read your last message above.")).to_be_visible()
                await expect(ada.page.get_by_role("link", name="1 unread in other conversations")).to_be_visible()
            await inspect(ada, path)
        await expect(ada.page.get_by_role("link", name="Deleted: a message", exact=True)).to_be_visible()


async def tab_to(visitor: Visitor, role: Literal["link", "button", "textbox", "searchbox"], name: str) -> None:
    """Goes on with the Tab key until that control has the focus, which can be seen."""
    control = visitor.page.get_by_role(role, name=name, exact=True)
    for _ in range(TABS_AT_MOST):
        await visitor.page.keyboard.press("Tab")
        if await control.count() and await control.first.evaluate("control => control === document.activeElement"):
            outline = await control.first.evaluate(IS_OUTLINED)
            assert outline, f"nobody sees that {name} has the focus"
            return
    raise AssertionError(f"the Tab key never comes to {name}")


@ON_SQLITE
async def test_by_keyboard_alone_ada_finds_bo_writes_changes_and_takes_back(house: str, door: Door) -> None:
    async with Person(house) as bo:
        await bo.sign_up("Bo")
        ada = await door.open_for(house, "Ada")
        keyboard = ada.page.keyboard
        await ada.go("/sign-up")
        await ada.page.get_by_role("textbox", name="Username", exact=True).focus()
        await keyboard.type("Ada")
        await keyboard.press("Tab")
        await keyboard.type(PASSWORD)
        await keyboard.press("Enter")
        await expect(ada.page).to_have_url(f"{house}/")
        await tab_to(ada, "link", "New conversation")
        await keyboard.press("Enter")
        await expect(ada.page).to_have_url(f"{house}/people")
        await ada.page.get_by_role("searchbox", name="Find people", exact=True).focus()
        await keyboard.type("Bo")
        await keyboard.press("Enter")
        await tab_to(ada, "button", "Message Bo")
        await keyboard.press("Enter")
        await expect(ada.box).to_be_visible()
        await tab_to(ada, "textbox", "Message")
        await keyboard.type("first line")
        await keyboard.press("Shift+Enter")
        await keyboard.type("second line")
        await keyboard.press("Enter")
        await expect(ada.texts).to_have_text(["first line\nsecond line"], use_inner_text=True)
        await expect(ada.box).to_be_focused()
        await keyboard.type("tow")
        await keyboard.press("Enter")
        await expect(ada.texts).to_have_count(2)
        summary = ada.article("tow").get_by_text("Message actions")
        await summary.focus()
        await keyboard.press("Enter")
        await tab_to(ada, "link", "Edit")
        await keyboard.press("Enter")
        await expect(ada.page.get_by_role("textbox", name="Edit message", exact=True)).to_be_focused()
        await keyboard.press("Control+a")
        await keyboard.type("two")
        await tab_to(ada, "button", "Save")
        await keyboard.press("Enter")
        await expect(ada.texts.last).to_have_text("two")
        summary = ada.article("two").get_by_text("Message actions")
        await summary.focus()
        await keyboard.press("Enter")
        await tab_to(ada, "link", "Delete")
        await keyboard.press("Enter")
        await expect(ada.page.get_by_role("button", name="Delete message", exact=True)).to_be_focused()
        await keyboard.press("Enter")
        await expect(ada.texts.last).to_have_text("Message deleted")
        await tab_to(ada, "link", "Settings")
        await keyboard.press("Enter")
        await tab_to(ada, "link", "Sessions")
        await keyboard.press("Enter")
        await tab_to(ada, "button", "Sign out everywhere")
        await keyboard.press("Enter")
        await expect(ada.page).to_have_url(f"{house}/sign-in")


@ON_SQLITE
async def test_new_messages_are_announced_one_by_one_and_old_ones_are_not(pair: Pair) -> None:
    ada, bo, _ = pair
    assert await bo.log.get_attribute("aria-live") in (None, "polite")
    await bo.page.evaluate(
        "() => { window.added = []; new MutationObserver((changes) => changes.forEach(({ addedNodes }) =>"
        " addedNodes.forEach((node) => node.tagName === 'ARTICLE' && window.added.push(node.id)))).observe("
        "document.querySelector('[role=log]'), { childList: true }); }"
    )
    for text in ("one", "two"):
        await ada.say(text)
    await expect(bo.texts).to_have_text(["one", "two"])
    assert len(await bo.page.evaluate("window.added")) == 2
