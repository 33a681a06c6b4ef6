"""Saying something, once, and being heard by those who should hear it."""

import re

from people import Person, hear


async def test_what_ada_says_stands_on_the_pages_of_both(ada: Person, bo: Person, talk: int) -> None:
    answer = await ada.say(talk, "Hello *Bo*, see https://example.org")
    assert answer.answer.headers["location"] == f"/conversations/{talk}#latest"
    for person in (ada, bo):
        page = await person.get(f"/conversations/{talk}")
        assert len(page.articles) == 1
        assert "<em>Bo</em>" in page.articles[0]
        assert "Ada" in page.articles[0]
    assert "Read" in (await ada.get(f"/conversations/{talk}")).articles[0]
    assert "Sent" not in (await bo.get(f"/conversations/{talk}")).articles[0]


async def test_the_same_key_with_the_same_text_is_one_message(ada: Person, talk: int) -> None:
    key = "0123456789abcdef"
    first = await ada.say_live(talk, "once", after=0, key=key)
    again = await ada.say_live(talk, "once", after=0, key=key)
    assert re.findall(r'id="message-\d+"', first.text) == re.findall(r'id="message-\d+"', again.text) != []
    assert len((await ada.get(f"/conversations/{talk}")).articles) == 1


async def test_the_same_key_with_another_text_is_another_message(ada: Person, talk: int) -> None:
    for text in ("first", "second", "second"):
        await ada.say(talk, text, key="0123456789abcdef")
    assert len((await ada.get(f"/conversations/{talk}")).articles) == 2


async def test_an_answer_holds_the_posted_row_also_when_the_page_knows_it_already(ada: Person, talk: int) -> None:
    answer = await ada.say_live(talk, "hello", after=5)
    assert 'id="message-' in answer.text


async def test_bo_hears_what_ada_says_and_ada_hears_it_too(ada: Person, bo: Person, talk: int) -> None:
    async with ada.listen(talk) as hers, bo.listen(talk) as his:
        for socket in (hers, his):
            await socket.send('{"after":"0"}')
            await hear(socket, "#beat")
        await ada.say(talk, "can you hear me?")
        assert "Sent" in await hear(hers, "can you hear me?")
        frame = await hear(his, "can you hear me?")
        assert "Sent" not in frame
        assert re.search(r'hx-target="#messages:not\(:has\(#message-\d+\)\)"', frame)
        assert 'name="after" value="1"' in frame


async def test_a_page_that_was_away_is_told_what_it_missed_in_order(ada: Person, bo: Person, talk: int) -> None:
    for text in ("one", "two", "three"):
        await ada.say(talk, text)
    async with bo.listen(talk) as socket:
        await socket.send('{"after":"1"}')
        frame = await hear(socket, "three")
        assert "one" not in re.findall(r"<p>(\w+)</p>", frame)
        assert re.findall(r"<p>(\w+)</p>", frame) == ["two", "three"]
