"""What a page without scripts reads by being served, and what does not count as reading."""

import re

import pytest

from people import Person, hear


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


@pytest.mark.parametrize("purpose", ["sec-purpose", "purpose", "x-purpose", "x-moz"])
async def test_a_page_that_is_fetched_before_it_is_wanted_reads_nothing(
    ada: Person, bo: Person, talk: int, purpose: str
) -> None:
    await ada.say(talk, "Have you seen this?")
    for word in ("prefetch", "Prefetch;prerender", "preview"):
        await bo.get(f"/conversations/{talk}", **{purpose: word})
        assert await unread(bo) == 1


async def test_what_a_page_or_an_answer_brought_is_delivered_also_without_a_line(
    ada: Person, bo: Person, talk: int
) -> None:
    bo.client.cookies.set("scripts", "1")
    async with ada.listen(talk) as socket:
        await socket.send('{"after":"0"}')
        await ada.say(talk, "First.")
        await bo.get(f"/conversations/{talk}", sec_purpose="prefetch")
        assert ">Sent</span>" in (await ada.get(f"/conversations/{talk}")).text
        await bo.get(f"/conversations/{talk}")
        await hear(socket, 'data-delivered="1" data-read="0"')
        await ada.say(talk, "Second.")
        await bo.say_live(talk, "An answer.", after=1)
        await hear(socket, 'data-delivered="2" data-read="0"')
        await ada.say(talk, "Fourth.")
        await bo.get("/")
        await hear(socket, 'data-delivered="4" data-read="0"')


async def test_a_page_whose_scripts_tell_what_was_seen_reads_nothing_by_itself(
    ada: Person, bo: Person, talk: int
) -> None:
    await ada.say(talk, "Have you seen this?")
    bo.client.cookies.set("scripts", "1")
    await bo.get(f"/conversations/{talk}")
    assert await unread(bo) == 1


async def test_what_came_before_ones_own_message_unseen_stays_unread(ada: Person, bo: Person, talk: int) -> None:
    bo.client.cookies.set("scripts", "1")
    await bo.say_live(talk, "Are you there?")
    await ada.say_live(talk, "Yes, and this is important.")
    await bo.say_live(talk, "I say this without having seen it.")
    assert await unread(bo) == 1
    await bo.say_live(talk, "And one more.")
    assert await unread(bo) == 1
    page = await bo.get(f"/conversations/{talk}")
    assert re.search(r'aria-label="New messages">[^<]*</p>\s*<article id="message-2"', page.text)
    await bo.post(f"/conversations/{talk}/read", {"seq": "2"})
    assert await unread(bo) == 0
    assert 'aria-label="New messages">New' not in (await bo.get(f"/conversations/{talk}")).text


async def test_neither_ones_own_messages_nor_deleted_ones_are_ever_unread(ada: Person, bo: Person, talk: int) -> None:
    for person, words in ((bo, "One"), (ada, "Two"), (ada, "Three"), (bo, "Four")):
        await person.say(talk, words)
    await bo.get(f"/conversations/{talk}")
    for message, count in (("4", 0), ("1", 2), ("3", 2)):
        await bo.post(f"/messages/{message}/unread")
        assert await unread(bo) == count
    await ada.post("/messages/2/delete")
    assert await unread(bo) == 1
    await bo.post("/messages/1/unread")
    assert await unread(bo) == 1
    await ada.post("/messages/3/delete")
    assert await unread(bo) == 0
    assert (await bo.get("/settings")).text.count("<title>(") == 0
