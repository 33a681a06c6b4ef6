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
READ_WHILE_AWAY = [Step("say", 0), Step("cut", 2), Step("look", 2), Step("say", 0), Step("connect", 2)]
UNREAD_AGAIN_IN_ANOTHER_TAB = [Step("say", 2), Step("say", 2), Step("read", 0), Step("mark unread", 1), Step("say", 2)]


async def happen(step: Step, pages: list[PageModel], third: Person, elsewhere: int) -> None:
    page = pages[step.page]
    person, talk = page.person, page.conversation
    messages = list(page.rows)
    message = messages[-1 - step.pick % len(messages)] if messages else None
    match step.what:
        case "say":
            await person.say_live(talk, f"word {next(numbers)}")
        case "say elsewhere":
            await third.say_live(elsewhere, f"elsewhere {next(numbers)}")
        case "read" if message:
            seq = re.findall(r'data-seq="(\d+)"', page.rows[message])[0]
            await person.post(f"/conversations/{talk}/read", {"seq": seq}, hx_request="true")
        case "mark unread" if message:
            await person.post(f"/messages/{message}/unread", hx_request="true")
        case "delete" if message:
            await person.post(f"/messages/{message}/delete", hx_request="true")
        case "look":  # on another device, without scripts
            person.client.cookies.delete("scripts")
            await person.get(f"/conversations/{talk}")
            person.client.cookies.set("scripts", "1")
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
        pages = [PageModel(person, talk) for person in (here, here, there)]
        for page in pages:
            stack.push_async_callback(page.cut)
            await page.load()
            await page.connect()
        for step in steps:
            await happen(step, pages, cy, elsewhere)
        expected = {person.name: await unread(person) for person in (here, there)}
        for page in pages:
            await page.connect()
            await page.comes_to_show(expected[page.person.name])
            fresh = PageModel(page.person, talk)
            await fresh.load()
            assert fresh.unread == expected[page.person.name]
