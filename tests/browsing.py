"""People with a browser: what they do on the pages, what they see there, and what their browser complains of."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect
from sqlalchemy import select

from parlour import db
from parlour.accounts.models import User
from parlour.messages.models import Message
from people import PASSWORD, Person

PATIENCE_MS = 10_000
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # where the database plays no part
# What a browser itself writes of a refused form or connection; a test says which of them it means to see.
REFUSED_FORM = r"^Failed to load resource: the server responded with a status of {status} "
REFUSED_LINE = r"^Failed to load resource: net::ERR_|^WebSocket connection to 'ws:"
REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
  console.error(`policy violation: ${violatedDirective} ${blockedURI}`));
"""

expect.set_options(timeout=PATIENCE_MS)


class Said(NamedTuple):
    """A message: as the database has it, or as a page shows it."""

    element_id: str
    author: str
    text: str


class Visitor:
    """Somebody in a browser of their own. `page` is the tab in use; what a page logs or breaks is noted down."""

    def __init__(self, url: str, context: BrowserContext, name: str) -> None:
        self.url, self.context, self.name = url, context, name
        self.page: Page
        self.complaints: list[str] = []
        self._meant: list[str] = []
        context.on("console", self._note)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            self.complaints.append(f"{message.text} ({message.location['url']})")

    def means(self, *patterns: str) -> None:
        """Says that the browser's own line of a refusal is meant by the test."""
        self._meant += patterns

    def means_status(self, status: int) -> None:
        self.means(REFUSED_FORM.format(status=status))

    def means_cuts(self) -> None:
        self.means(REFUSED_LINE)

    @property
    def unmeant(self) -> list[str]:
        """What the browser complained of, other than what the test meant."""
        return [each for each in self.complaints if not any(re.search(pattern, each) for pattern in self._meant)]

    async def new_tab(self, path: str = "") -> Page:
        """Opens a tab, which becomes the one in use."""
        self.page = await self.context.new_page()
        if path:
            await self.go(path)
        return self.page

    async def go(self, path: str) -> None:
        # A page with a live page in it is never loaded to its end.
        await self.page.goto(self.url + path, wait_until="domcontentloaded")

    async def load_again(self) -> None:
        await self.page.reload(wait_until="domcontentloaded")

    async def press(self, name: str) -> None:
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def follow(self, name: str) -> None:
        await self.page.get_by_role("link", name=name, exact=True).click()

    async def fill(self, label: str, text: str) -> None:
        await self.page.get_by_label(label, exact=True).fill(text)

    async def sign_up(self) -> None:
        await self.go("/sign-up")
        await self._say_who("Create account")
        await expect(self.page).to_have_url(f"{self.url}/")

    async def enrol(self, meeting: str = "") -> str:
        """Signs up without the pages, on which a browser spends seconds; gives the path of the list or of a meeting."""
        async with Person(self.url) as person:
            await person.sign_up(self.name)
            cookies = person.client.cookies.jar
            await self.context.add_cookies(
                [{"name": each.name, "value": each.value or "", "url": self.url} for each in cookies]
            )
            return f"/conversations/{await person.meet(meeting)}" if meeting else "/"

    async def come_in(self, meeting: str = "") -> None:
        """Is signed up, and before the list or the conversation with somebody."""
        await self.go(await self.enrol(meeting))

    async def sign_in(self) -> None:
        """Fills in the sign-in page, on which they are."""
        await self._say_who("Sign in")

    async def _say_who(self, button: str) -> None:
        await self.fill("Username", self.name)
        await self.fill("Password", PASSWORD)
        await self.press(button)

    async def meet(self, name: str) -> int:
        """Looks somebody up and opens the conversation with them; gives its id."""
        await self.go("/people")
        await self.page.get_by_role("searchbox", name="Find people", exact=True).fill(name)
        await self.page.keyboard.press("Enter")
        await self.press(f"Message {name}")
        await expect(self.page).to_have_url(re.compile(r"/conversations/\d+"))
        return self.conversation

    @property
    def conversation(self) -> int:
        """The id of the conversation that is open."""
        found = re.search(r"/conversations/(\d+)", self.page.url)
        assert found, self.page.url
        return int(found[1])

    @property
    def box(self) -> Locator:
        return self.page.get_by_role("textbox", name="Message", exact=True)

    async def say(self, text: str) -> None:
        await self.box.fill(text)
        await self.press("Send")

    @property
    def log(self) -> Locator:
        return self.page.get_by_role("log", name="Messages", exact=True)

    @property
    def texts(self) -> Locator:
        """What the messages of the log say, oldest first."""
        return texts_of(self.page)

    @property
    def status(self) -> Locator:
        """Whether the line is good."""
        return self.page.locator("#line")

    @property
    def activity(self) -> Locator:
        """What the other one is doing."""
        return self.page.get_by_role("status", name="Activity", exact=True)

    def state(self, text: str) -> Locator:
        """How far one's own message has come."""
        return self.article(text).locator(".state .sr")

    @property
    def outbox(self) -> Locator:
        return self.page.get_by_role("list", name="Waiting to be sent", exact=True)

    def article(self, text: str) -> Locator:
        return self.log.get_by_role("article").filter(has_text=text)

    def entry(self, name: str) -> Locator:
        """The line of the conversation with that person in the list."""
        conversations = self.page.get_by_role("list", name="Conversations", exact=True)
        return conversations.get_by_role("listitem").filter(has=self.page.get_by_text(name, exact=True))

    async def open_menu(self, text: str) -> Locator:
        """Opens what can be done with the message of that text; gives the message."""
        article = self.article(text)
        await article.get_by_text("Message actions").click()
        return article


class Pair(NamedTuple):
    """Ada and Bo, both with their conversation open."""

    ada: Visitor
    bo: Visitor
    conversation: int


Seat = Callable[[str], Awaitable[Pair]]


def texts_of(page: Page) -> Locator:
    return page.get_by_role("log", name="Messages", exact=True).locator("article .text")


@asynccontextmanager
async def visitors(browser: Browser) -> AsyncIterator["Door"]:
    """Lets people in, each with a browser context; in the end nothing may be left that a browser complained of."""
    async with AsyncExitStack() as stack:
        door = Door(browser, stack)
        yield door
        complaints = {each.name: each.unmeant for each in door.let_in if each.unmeant}
        assert not complaints, complaints


class Door:
    """Where people with a browser come in."""

    def __init__(self, browser: Browser, stack: AsyncExitStack) -> None:
        self._browser, self._stack = browser, stack
        self.let_in: list[Visitor] = []

    async def open_for(
        self,
        url: str,
        name: str,
        *,
        scripts: bool = True,
        width: int = 1280,
        zone: str = "UTC",
    ) -> Visitor:
        """A browser for that person, with an empty tab."""
        context = await self._browser.new_context(
            java_script_enabled=scripts, viewport={"width": width, "height": 800}, timezone_id=zone
        )
        self._stack.push_async_callback(context.close)
        context.set_default_timeout(PATIENCE_MS)
        await context.add_init_script(REPORT_VIOLATIONS)
        visitor = Visitor(url, context, name)
        self.let_in.append(visitor)
        await visitor.new_tab()
        return visitor


async def stored(database_url: str, conversation: int) -> list[Said]:
    """Every message of a conversation in order, from the database itself."""
    database = db.connect(database_url, lambda _events: None)
    query = (
        select(Message.id, User.name, Message.text)
        .join(User, User.id == Message.author_id)
        .where(Message.conversation_id == conversation)
        .order_by(Message.seq)
    )
    try:
        async with database.reading() as reading:
            rows = [tuple(row) for row in await reading.execute(query)]
    finally:
        await database.close()
    return [Said(f"message-{row[0]}", str(row[1]), str(row[2] or "Message deleted")) for row in rows]


async def shown(page: Page) -> list[Said]:
    """Every message of the log, in the order in which the page shows them."""
    said: list[Said] = []
    for article in await page.get_by_role("log", name="Messages", exact=True).get_by_role("article").all():
        author, text = article.locator(".author"), article.locator(".text")
        element_id = await article.get_attribute("id") or ""
        said.append(Said(element_id, await author.inner_text(), await text.inner_text()))
    return said


async def expect_agreement(database_url: str, conversation: int, pages: Sequence[Page], texts: Sequence[str]) -> None:
    """Waits until every page shows just these texts, and compares with the rows: none lost, none twice, one order."""
    for page in pages:
        await expect(texts_of(page)).to_have_text(list(texts))
    rows = await stored(database_url, conversation)
    assert [row.text for row in rows] == list(texts)
    for page in pages:
        assert await shown(page) == rows
