"""Whatever people type stays text: nothing runs and nothing is asked for, in a browser under the real policy."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from urllib.parse import urlencode

import pytest
from playwright.async_api import Dialog, Page, Request, expect

from browsing import Door, Visitor
from corpus import BREAKING_OUT, HTMX, SCRIPT_PAYLOADS, URL_PAYLOADS
from people import Person

LONGEST_TEXT = 10_000
A_HANDFUL = 48
REACHED_BY_KEYBOARD = ("PRE", "tabindex=0")  # what scrolls
TAGS_OF_TEXT = {"P", "BR", "A", "CODE", "PRE", "STRONG", "EM", "BLOCKQUOTE"}
OURS = re.compile(
    r"/(assets/[a-z0-9-]+\.(css|js|svg|png)|live(\?conversation=\d+)?|conversations(/\d+(/messages|/read)?)?"
    r"(\?before=\d+(&since=\d+)?)?"
    r"|messages/\d+(/edit|/delete)?|people(\?q=[^&]*)?|sign-(in|up|out)(\?next=[^&]*)?|settings(/sessions)?|service-worker\.js"
    r")?(#[\w-]*)?"
)
INSIDE_TEXTS = """
() => [...document.querySelectorAll(".message .text *")].map((element) =>
  [element.tagName, ...[...element.attributes].map(({ name, value }) => `${name}=${value}`)].join("|"))
"""
SHAPE = """
() => [document.querySelectorAll("#composer").length, document.querySelectorAll("#messages").length,
  document.querySelectorAll("script").length, document.querySelectorAll("base, iframe, object, embed, style").length,
  document.forms.length - document.querySelectorAll("article form").length]
"""


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What is drawn is the same on either database."""
    return sqlite_url


class Watch:
    """Notes every dialog that opens and every address that is asked for in somebody's browser."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.asked: set[str] = set()
        self.dialogs: list[str] = []
        visitor.context.on("request", self._note_request)
        visitor.context.on("dialog", self._note_dialog)

    def _note_request(self, request: Request) -> None:
        self.asked.add(request.url)

    async def _note_dialog(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        await dialog.dismiss()

    def check(self) -> None:
        assert not self.dialogs
        assert not self.visitor.unmeant
        wire = self.visitor.url.replace("http", "ws", 1)
        paths = {url.removeprefix(self.visitor.url).removeprefix(wire) for url in self.asked}
        assert paths
        assert not {path for path in paths if not OURS.fullmatch(path)}


Enter = Callable[[str], Awaitable[Visitor]]


@pytest.fixture
async def enter(door: Door, house: str) -> AsyncIterator[Enter]:
    """Lets somebody in whose browser is watched to the end."""
    watches: list[Watch] = []

    async def one(name: str) -> Visitor:
        visitor = await door.open_for(house, name)
        watches.append(Watch(visitor))
        await visitor.come_in()
        return visitor

    yield one
    for watch in watches:
        watch.check()


async def without_browser(visitor: Visitor) -> Person:
    """The same person in the same session, who can type faster."""
    person = Person(visitor.url)
    for cookie in await visitor.context.cookies():
        person.client.cookies.set(cookie["name"], cookie["value"])
    return person


def in_long_texts(payloads: list[str]) -> Iterator[str]:
    """All payloads, line by line, in as few texts as hold them."""
    text = ""
    for payload in payloads:
        if len(text) + len(payload) + 1 > LONGEST_TEXT:
            yield text
            text = ""
        text += f"{payload}\n"
    yield text


def in_handfuls(payloads: list[str]) -> Iterator[list[str]]:
    """A few at a time: pages that are open draw them together, which costs far less than one after the other."""
    for start in range(0, len(payloads), A_HANDFUL):
        yield payloads[start : start + A_HANDFUL]


async def check_texts(page: Page) -> None:
    """In messages stand the few tags that a message may use, and nothing of the page was changed by them."""
    for found in set(await page.evaluate(INSIDE_TEXTS)):
        tag, *attributes = found.split("|")
        assert tag in TAGS_OF_TEXT, found
        for attribute in attributes:
            if (tag, attribute) == REACHED_BY_KEYBOARD:
                continue
            assert tag == "A", found
            assert re.match("href=(https?://|mailto:)|rel=noopener nofollow ugc$", attribute, re.IGNORECASE), found


async def test_what_would_come_to_life_would_be_seen(door: Door, house: str) -> None:
    ada = await door.open_for(house, "Ada")
    ada.means("policy violation|Content Security Policy|Failed to load resource")
    watch = Watch(ada)
    await ada.go("/sign-in")
    await ada.page.evaluate(
        "document.body.innerHTML = '<img src=/ran onerror=alert(1)><b class=message><i class=text><u>'"
    )
    async with asyncio.timeout(10):
        while not any(url.endswith("/ran") for url in watch.asked) or not ada.complaints:
            await ada.page.evaluate("new Promise(requestAnimationFrame)")
    with pytest.raises(AssertionError):
        watch.check()


async def test_no_message_comes_to_life_in_a_frame_on_a_page_or_in_the_list(enter: Enter) -> None:
    ada, bo = await enter("Ada"), await enter("Bo")
    conversation = await ada.meet("Bo")
    inbox = bo.page
    open_page = await bo.new_tab(f"/conversations/{conversation}")
    before = await open_page.evaluate(SHAPE)
    texts = SCRIPT_PAYLOADS + URL_PAYLOADS
    async with await without_browser(ada) as typist:
        for some in in_handfuls(texts):
            answers = await asyncio.gather(*(typist.say(conversation, text) for text in some))
            assert [answer.status for answer in answers] == [303] * len(some), some
        await typist.say(conversation, "the last one")
    await expect(open_page.locator("article")).to_have_count(len(texts) + 1)
    await expect(inbox.locator(".preview")).to_have_text("the last one")
    assert await open_page.evaluate(SHAPE) == before
    await check_texts(open_page)
    for page in (ada.page, open_page):  # and the same as pages, with all that came before in place
        await page.goto(f"{ada.url}/conversations/{conversation}")
        older = page.get_by_role("link", name="Older messages", exact=True)
        shown = 50
        while shown < len(texts) + 1:
            await older.click()
            shown = min(shown + 50, len(texts) + 1)
            await expect(page.locator("article")).to_have_count(shown)
        assert await page.evaluate(SHAPE) == before
        await check_texts(page)


async def test_no_preview_comes_to_life(enter: Enter) -> None:
    ada, bo = await enter("Ada"), await enter("Bo")
    conversation = await ada.meet("Bo")
    inbox = bo.page
    async with await without_browser(ada) as typist:
        for text in BREAKING_OUT + HTMX[::3]:
            await typist.say(conversation, text)
            line = " ".join((await inbox.locator(".preview").inner_text()).split())
            assert "<b>" not in line or "<b" in text
        await typist.say(conversation, "the last one")
    await expect(inbox.locator(".preview")).to_have_text("the last one")
    assert await inbox.locator("#conversations li").count() == 1
    assert await inbox.locator("#conversations :not(li, a, svg, circle, text, span, time)").count() == 0


async def test_no_edited_text_comes_to_life_in_its_form_or_afterwards(enter: Enter) -> None:
    ada, bo = await enter("Ada"), await enter("Bo")
    conversation = await ada.meet("Bo")
    await bo.go(f"/conversations/{conversation}")
    async with await without_browser(ada) as typist:
        for text in in_long_texts(SCRIPT_PAYLOADS):
            await typist.say(conversation, "as it was")
            message = re.findall(r'id="message-(\d+)"', (await typist.get(f"/conversations/{conversation}")).text)[-1]
            await ada.go(f"/messages/{message}/edit")
            box = ada.page.get_by_role("textbox", name="Edit message", exact=True)
            await box.fill(text)
            await ada.press("Save")
            article = bo.page.locator(f"#message-{message}")
            await expect(article).to_contain_text("edited")
            await check_texts(bo.page)
            await check_texts(ada.page)
            await ada.go(f"/messages/{message}/edit")
            await expect(box).to_have_value(text)
            await ada.go(f"/messages/{message}/delete")
            await check_texts(ada.page)
            await ada.go(f"/conversations/{conversation}")
            mine = ada.page.locator(f"#message-{message}")
            await mine.get_by_text("Message actions").click()
            await mine.get_by_role("link", name="Edit", exact=True).click()
            await expect(mine.get_by_role("textbox", name="Edit message", exact=True)).to_have_value(text)


async def test_no_refused_text_comes_to_life_in_the_composer(enter: Enter) -> None:
    ada = await enter("Ada")
    ada.means_status(422)
    notes = await ada.meet("Ada")
    text = "".join(itertools.islice(itertools.cycle("\n".join(SCRIPT_PAYLOADS)), LONGEST_TEXT + 1))
    await ada.say(text)
    await expect(ada.page.locator("#composer-alert")).to_contain_text("too long")
    await expect(ada.box).to_have_value(text)
    await ada.page.reload()
    await expect(ada.box).to_have_value(text)
    scripts_off = ada.page.locator("#composer")
    await scripts_off.evaluate("(form) => HTMLFormElement.prototype.submit.call(form)")
    await expect(ada.page.get_by_role("heading", name="Not sent")).to_be_visible()
    await expect(ada.box).to_have_value(text)
    assert ada.conversation == notes


async def test_no_text_comes_to_life_on_its_way_through_signing_in(enter: Enter) -> None:
    ada = await enter("Ada")
    ada.means_status(401)
    await ada.meet("Ada")
    text = next(in_long_texts(BREAKING_OUT + HTMX)).strip()
    await ada.box.fill(text)
    async with await without_browser(ada) as elsewhere:
        await elsewhere.post("/settings/sessions/end-all")
    await ada.page.locator("#composer").evaluate("(form) => HTMLFormElement.prototype.submit.call(form)")
    await expect(ada.page.locator("input[name=text]")).to_have_count(1)
    await ada.sign_in()
    await expect(ada.box).to_have_value(text)


async def test_no_search_comes_to_life(enter: Enter) -> None:
    ada = await enter("Ada")
    page = ada.page
    await ada.go("/people")
    box = page.get_by_role("searchbox", name="Find people", exact=True)
    for text in BREAKING_OUT + SCRIPT_PAYLOADS[::12]:
        async with page.expect_navigation(wait_until="domcontentloaded"):
            await box.evaluate("(box, text) => { box.value = text; box.form.submit(); }", text[:100])
        assert await box.input_value() == re.sub(r"[\r\n]", "", text[:100])
        assert "Nobody here goes by" in await page.locator(".empty").inner_text()
    for text in BREAKING_OUT[::4] + HTMX[::4]:  # typed, the answer is swapped in
        await box.fill("somebody else")
        await expect(page.locator(".empty")).to_contain_text("somebody else")
        await box.fill(text[:100])
        await expect(page.locator(".empty")).not_to_contain_text("somebody else")
    assert await page.evaluate("document.querySelectorAll('#people *').length") == 1


async def test_no_name_and_no_address_to_go_on_to_comes_to_life(enter: Enter, door: Door, house: str) -> None:
    await enter("Ada")
    stranger = await door.open_for(house, "Stranger")
    stranger.means_status(422)
    stranger.means_status(401)
    watch = Watch(stranger)
    for way, button in (("/sign-up", "Create account"), ("/sign-in", "Sign in")):
        for text in BREAKING_OUT[::4] + HTMX[::9]:
            await stranger.go(f"{way}?{urlencode({'next': text})}")
            await stranger.fill("Username", text)
            await stranger.fill("Password", "correct horse battery")
            await stranger.press(button)
            await expect(stranger.page.get_by_role("alert")).to_be_visible()
            shown = await stranger.page.get_by_label("Username", exact=True).input_value()
            assert shown == re.sub(r"[\r\n]", "", text)
            assert await stranger.page.evaluate("document.forms.length") == 1
    watch.asked = {re.sub(r"\?next=.*", "", url) for url in watch.asked}
    watch.check()
