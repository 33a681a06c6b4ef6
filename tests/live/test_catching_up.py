"""Whatever happens in whatever order, every page ends as a page that is loaded afresh."""

import asyncio
import itertools
from contextlib import AsyncExitStack
from typing import TypeVar

import msgspec
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from page_model import PageModel, as_said
from people import Person

MANY = 55  # more than a page shows
numbers = itertools.count(1)
Thing = TypeVar("Thing")


class Step(msgspec.Struct, frozen=True):
    """Something that happens to one of the pages, or that is done from it; `pick` says to which of several things."""

    what: str
    page: int
    pick: int


DEEDS = ["say", "say", "say", "say many", "edit", "edit", "delete", "say again", "say elsewhere"]
EVENTS = ["answer", "answer", "hear", "hear", "hear all", "connect", "connect", "cut", "load"]
steps = st.lists(st.builds(Step, st.sampled_from(DEEDS + EVENTS), st.integers(0, 2), st.integers(0, 9)), max_size=40)


class Scene:
    """Two people with three pages open; somebody else talks with the first of them meanwhile."""

    def __init__(self, pages: list[PageModel], third: Person, elsewhere: int) -> None:
        self.pages = pages
        self.third = third
        self.elsewhere = elsewhere
        self.said: list[tuple[Person, str, str]] = []  # who, key and text, of every message
        self.talk = pages[0].conversation
        self.revision = 0  # up to which every page that listens will hear in the end

    async def happen(self, step: Step) -> None:
        page = self.pages[step.page]
        match step.what:
            case "say" | "say many":
                count = MANY if step.what == "say many" else 1
                await asyncio.gather(*(self.say(page) for _ in range(count)))
            case "say again" if self.said:
                await self.say_again(page, step.pick)
            case "edit" | "delete" as verb:
                if own := self.own(page, step.pick):
                    await self.act(page, f"/messages/{own}/{verb}", text=f"edited {next(numbers)}")
            case "say elsewhere":
                await self.third.say(self.elsewhere, f"elsewhere {next(numbers)}")
            case "answer" if page.answers:
                await page.swap(page.answers.pop(step.pick % len(page.answers)))
            case "hear" if page.frames:
                await page.swap(page.frames.pop(0))
            case "hear all":
                await page.hears_up_to(self.revision)
                await self.hear_all(page)
            case "connect":
                await page.connect()
            case "cut":
                await page.cut()
            case "load":
                await page.load()
        assert page.places == sorted(set(page.places))

    async def say(self, page: PageModel) -> None:
        text = f"hello {next(numbers)}"
        key = f"0123456789-{text}".replace(" ", "-")
        assert await self.act(page, f"/conversations/{self.talk}/messages", text=text, key=key)
        self.said.append((page.person, key, text))

    async def say_again(self, page: PageModel, pick: int) -> None:
        """As a page does that never got its answer."""
        own = [(key, text) for person, key, text in self.said if person is page.person]
        if own:
            key, text = one_of(own, pick)
            assert await self.act(page, f"/conversations/{self.talk}/messages", text=text, key=key)

    async def act(self, page: PageModel, path: str, **fields: str) -> bool:
        revision = await page.act(path, **fields)
        self.revision = max(self.revision, revision or 0)
        return revision is not None

    def own(self, page: PageModel, pick: int) -> int | None:
        """One of the messages on the page that can still be changed from it."""
        own = [message for message, row in page.rows.items() if f"/messages/{message}/edit" in row]
        return one_of(own, pick) if own else None

    async def hear_all(self, page: PageModel) -> None:
        while page.frames:
            await page.swap(page.frames.pop(0))

    async def come_to_rest(self, answers_first: bool) -> None:
        """Every line is up, and all that was on its way has arrived."""
        for page in self.pages:
            await page.connect()
        last_there, last_here = f"last {next(numbers)}", f"last {next(numbers)}"
        await self.third.say(self.elsewhere, last_there)
        await self.pages[-1].person.say(self.talk, last_here)
        for page in self.pages:
            by_oneself = "You: " if page.person is self.pages[-1].person else ""
            await page.hears(f'<span class="preview">{by_oneself}{last_here}</span>')
            if page.person is self.pages[0].person:
                await page.hears(f'<span class="preview">{last_there}</span>')
            if answers_first:
                await self.swap_answers(page)
            await self.hear_all(page)
            await self.swap_answers(page)
        for page in self.pages:  # what a page that is loaded afresh brings with it is then no news to anybody
            await page.acknowledge()
        for page in self.pages:
            await page.comes_to_show_all_as_delivered()

    async def swap_answers(self, page: PageModel) -> None:
        while page.answers:
            await page.swap(page.answers.pop())


def one_of(things: list[Thing], pick: int) -> Thing:
    """One of the oldest, or one of the newest."""
    return things[(pick // 2 if pick % 2 else -1 - pick // 2) % len(things)]


EDITED_WHILE_AWAY = [Step("cut", 2, 0), Step("say many", 0, 0), Step("hear all", 0, 0), Step("edit", 0, 1)]
A_RETRY_OF_WHAT_NO_PAGE_SHOWS = [Step("say", 0, 0), Step("say many", 0, 0), Step("load", 0, 0), Step("say again", 0, 1)]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(steps=EDITED_WHILE_AWAY, answers_first=False)
@example(steps=A_RETRY_OF_WHAT_NO_PAGE_SHOWS, answers_first=True)
@given(steps=steps, answers_first=st.booleans())
async def test_every_page_ends_as_a_page_that_is_loaded_afresh(
    house: str, cy: Person, steps: list[Step], answers_first: bool
) -> None:
    async with AsyncExitStack() as stack:
        here, there = [
            await (await stack.enter_async_context(Person(house))).sign_up(f"{name}{next(numbers)}")
            for name in ("Ada", "Bo")
        ]
        for person in (here, there):
            person.client.cookies.set("scripts", "1")  # so that a page that is served reads nothing
        talk, elsewhere = await here.meet(there.name), await cy.meet(here.name)
        pages = [PageModel(person, talk) for person in (here, here, there)]
        scene = Scene(pages, cy, elsewhere)
        for page in pages:
            stack.push_async_callback(page.cut)
            await page.load()
            await page.connect()
        for step in steps:
            await scene.happen(step)
        await scene.come_to_rest(answers_first)
        for page in pages:
            fresh = PageModel(page.person, talk)
            await fresh.load()
            assert page.places == sorted(set(page.places))
            assert as_said(page.shown_rows)[-len(fresh.rows) :] == as_said(fresh.shown_rows)
            assert page.lines == fresh.lines
            assert list(page.lines) == list(fresh.lines)
            assert page.cursor == fresh.cursor
