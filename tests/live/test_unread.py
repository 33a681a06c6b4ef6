"""The count cannot stick: whatever happens in whatever order, every page ends by showing what is unread."""

import itertools
import re
from contextlib import AsyncExitStack

import msgspec
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from page_model import PageModel
from people import Person

numbers = itertools.count(1)


class Step(msgspec.Struct, frozen=True):
    """Something that happens to one of the pages, or is done from it; `pick` says with which message."""

    what: str
    page: int
    pick: int = 0


DEEDS = ["say", "say", "say", "say elsewhere", "read", "read", "mark unread", "mark unread", "delete", "look"]
EVENTS = ["hear", "hear all", "connect", "connect", "cut", "load"]
steps = st.lists(st.builds(Step, st.sampled_from(DEEDS + EVENTS), st.integers(0, 2), st.integers(0, 9)), max_size=40)
CROSSING = [Step("say", 2), Step("say", 0), Step("say", 2), Step("hear all", 0), Step("mark unread", 0), Step("say", 0)]
OWN_AND_DELETED = [Step("say", 2), Step("say", 0), Step("hear all", 2), Step("delete", 2, 1), Step("mark unread", 2, 9)]
READ_WHILE_AWAY = [Step("say", 0), Step("cut", 2), Step("look", 2), Step("say", 0), Step("connect", 2)]
UNREAD_AGAIN_IN_ANOTHER_TAB = [Step("say", 2), Step("say", 2), Step("read", 0), Step("mark unread", 1), Step("say", 2)]


class Minds:
    """What two people know that they have not read: what the other said, until they read it or it is deleted."""

    def __init__(self, first: Person, second: Person) -> None:
        self._others = {first.name: second.name, second.name: first.name}
        self._order: list[int] = []
        self._authors: dict[int, str] = {}
        self._unread: set[tuple[str, int]] = set()
        self._elsewhere = 0

    def say(self, person: Person, message: int) -> None:
        self._order.append(message)
        self._authors[message] = person.name
        self._unread.add((self._others[person.name], message))

    def say_elsewhere(self) -> None:
        self._elsewhere += 1

    def read(self, person: Person, message: int) -> None:
        self._unread -= {(person.name, each) for each in self._order[: self._order.index(message) + 1]}

    def read_all(self, person: Person) -> None:
        self._unread -= {(person.name, each) for each in self._order}

    def mark_unread(self, person: Person, message: int) -> None:
        behind = self._order[self._order.index(message) :]
        other = self._others[person.name]
        self._unread |= {(person.name, each) for each in behind if self._authors.get(each) == other}

    def delete(self, message: int, *, done: bool) -> None:
        if done:
            self._unread.discard((self._others[self._authors.pop(message)], message))

    def unread(self, person: Person, *, first: bool) -> int:
        return sum(name == person.name for name, _ in self._unread) + (self._elsewhere if first else 0)


async def happen(step: Step, pages: list[PageModel], minds: Minds, third: Person, elsewhere: int) -> None:
    page = pages[step.page]
    person, talk = page.person, page.conversation
    messages = list(page.rows)
    message = messages[-1 - step.pick % len(messages)] if messages else None
    match step.what:
        case "say":
            answer = await person.say_live(talk, f"word {next(numbers)}")
            minds.say(person, int(re.findall(r'<article id="message-(\d+)"', answer.text)[0]))
        case "say elsewhere":
            await third.say_live(elsewhere, f"elsewhere {next(numbers)}")
            minds.say_elsewhere()
        case "read" if message:
            seq = re.findall(r'data-seq="(\d+)"', page.rows[message])[0]
            await person.post(f"/conversations/{talk}/read", {"seq": seq}, hx_request="true")
            minds.read(person, message)
        case "mark unread" if message:
            await person.post(f"/messages/{message}/unread", hx_request="true")
            minds.mark_unread(person, message)
        case "delete" if message:
            answer = await person.post(f"/messages/{message}/delete", hx_request="true")
            minds.delete(message, done=answer.status == 200)
        case "look":  # on another device, without scripts
            person.client.cookies.delete("scripts")
            await person.get(f"/conversations/{talk}")
            person.client.cookies.set("scripts", "1")
            minds.read_all(person)
        case "hear" if page.frames:
            await page.swap(page.frames.pop(0))
        case "hear all":
            while page.frames:
                await page.swap(page.frames.pop(0))
        case "connect":
            await page.connect()
        case "cut":
            await page.cut()
        case "load":
            await page.load()


async def unread(person: Person) -> int:
    """What is unread, as a page says that shows no list."""
    found = re.search(r"<title>\((\d+)\) ", (await person.get("/settings")).text)
    return int(found[1]) if found else 0


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(steps=CROSSING)
@example(steps=OWN_AND_DELETED)
@example(steps=READ_WHILE_AWAY)
@example(steps=UNREAD_AGAIN_IN_ANOTHER_TAB)
@given(steps=steps)
async def test_every_page_ends_by_showing_what_is_unread(house: str, cy: Person, steps: list[Step]) -> None:
    async with AsyncExitStack() as stack:
        here, there = [
            await (await stack.enter_async_context(Person(house))).sign_up(f"{name}{next(numbers)}")
            for name in ("Ada", "Bo")
        ]
        for person in (here, there):
            person.client.cookies.set("scripts", "1")  # so that a page that is served reads nothing
        talk, elsewhere = await here.meet(there.name), await cy.meet(here.name)
        minds = Minds(here, there)
        pages = [PageModel(person, talk) for person in (here, here, there)]
        for page in pages:
            stack.push_async_callback(page.cut)
            await page.load()
            await page.connect()
        for step in steps:
            await happen(step, pages, minds, cy, elsewhere)
        expected = {person.name: minds.unread(person, first=person is here) for person in (here, there)}
        assert {person.name: await unread(person) for person in (here, there)} == expected
        for page in pages:
            await page.connect()
            await page.comes_to_show(expected[page.person.name])
            fresh = PageModel(page.person, talk)
            await fresh.load()
            assert fresh.unread == expected[page.person.name]
