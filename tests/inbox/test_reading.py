"""What a page without scripts reads by being served, and what does not count as reading."""

import re

import pytest

from people import Person


async def unread(person: Person) -> int:
    found = re.search(r'class="unread">(\d+) ', (await person.get("/")).text)
    return int(found[1]) if found else 0


async def test_a_page_reads_what_it_shows_and_all_before_it(ada: Person, bo: Person, talk: int) -> None:
    for number in range(1, 8):
        await ada.say(talk, f"Line {number}")
    assert await unread(bo) == 7
    await bo.get(f"/conversations/{talk}?before=4")
    assert await unread(bo) == 4
    await bo.get(f"/conversations/{talk}?before=2")
    assert await unread(bo) == 4, "a read mark never goes back"
    await bo.get(f"/conversations/{talk}")
    assert await unread(bo) == 0


@pytest.mark.parametrize("purpose", ["sec-purpose", "purpose", "x-moz"])
async def test_a_page_that_is_fetched_before_it_is_wanted_reads_nothing(
    ada: Person, bo: Person, talk: int, purpose: str
) -> None:
    await ada.say(talk, "Have you seen this?")
    await bo.get(f"/conversations/{talk}", **{purpose: "prefetch"})
    assert await unread(bo) == 1


async def test_a_page_whose_scripts_tell_what_was_seen_reads_nothing_by_itself(
    ada: Person, bo: Person, talk: int
) -> None:
    await ada.say(talk, "Have you seen this?")
    bo.client.cookies.set("scripts", "1")
    await bo.get(f"/conversations/{talk}")
    assert await unread(bo) == 1
