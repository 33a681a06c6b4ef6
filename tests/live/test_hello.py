"""A page's first words, the silence before them, and all that it is told after them."""

import asyncio
import re
from html.parser import HTMLParser

import pytest

from conftest import OpenHouse
from listening import end_of, is_silent, say_hello
from parlour.live import delivery
from people import Person, hear, hear_all

pytestmark = pytest.mark.usefixtures("quiet_log")


HELLOS = [
    '{"after":"0"}', ' {"after" : "0"}\n', '{"after":"0","list":"x"}', '{"after":"0","list":5}', '{"after":0}',
    '{"list":null,"HEADERS":{"HX-Request":"true"},"x":[1,[2]],"after":"0"}', '{"after":"7","after":"0"}',
    '{"after":"0","x":' + "9" * 400 + "}",
    '{"after":"0","x":"' + "y" * 60_000 + '"}',
]  # fmt: skip
NO_HELLOS = [
    "", " ", "hello", "null", "0", '"0"', "[]", '[{"after":"0"}]', "{}", '{"After":"0"}', '{"after":null}',
    '{"after":""}',
    '{"after":"-1"}', '{"after":"+1"}', '{"after":" 1"}', '{"after":"1\\n"}', '{"after":"\uff11"}', '{"after":"1.0"}',
    '{"after":1.5}', '{"after":-1}', '{"after":true}', '{"after":["0"]}', '{"after":{"0":"0"}}', '{"after":"0"',
    '{"after":"0"}x', "{'after':'0'}", "\ufeff{}", "[" * 60_000, '{"x":' * 10_000, '{"after":"0","x":' + "[" * 50_000,
    '{"after":"0","x":' + "[" * 30_000 + "]" * 30_000 + "}", "NaN", "\0",
]  # fmt: skip


async def test_a_page_may_say_more_than_hello(ada: Person, bo: Person, talk: int) -> None:
    await bo.say(talk, "since the beginning")
    for hello in HELLOS:
        async with ada.listen(talk) as socket:
            await socket.send(hello)
            assert "since the beginning" in await hear(socket, "<article"), hello[:80]


async def test_who_says_no_hello_is_shown_out(ada: Person, talk: int) -> None:
    for words in NO_HELLOS:
        async with ada.listen(talk) as socket:
            await socket.send(words)
            assert await end_of(socket) == ([], 1008), words[:80]
    for words in ("", "hello", "[]", "null", '{"after":', "[" * 60_000):
        async with ada.listen() as socket:
            await socket.send(words)
            assert await end_of(socket) == ([], 1008), words[:80]


async def test_where_no_conversation_is_open_an_empty_hello_will_do(ada: Person, bo: Person, talk: int) -> None:
    for hello in ("{}", '{"after":"5"}', '{"after":null,"x":1}'):
        async with ada.listen() as socket:
            await socket.send(hello)
            await hear(socket, "#beat")
            await bo.say(talk, f"news for {hello}")
            assert "<article" not in await hear(socket, "news for")


async def test_until_the_hello_nothing_is_said_not_even_a_beat(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "BEAT_EVERY_S", 0.05)
    url = await open_house()
    async with Person(url) as ada:
        await ada.sign_up("Ada")
        talk = await ada.meet("Ada")
        async with ada.listen(talk) as socket, ada.listen() as inbox:
            await ada.say(talk, "patience")
            assert await is_silent(socket)
            assert await is_silent(inbox)
            await say_hello(socket)
            for _ in range(3):
                assert "patience" not in await hear(socket, "#beat")


def test_a_page_hears_something_every_twenty_seconds() -> None:
    assert delivery.BEAT_EVERY_S <= 20


async def test_zero_replays_everything_in_order_as_it_is_now(ada: Person, bo: Person, talk: int) -> None:
    for number in range(60):
        await ada.say(talk, f"word {number}")
    ids = re.findall(r'id="message-(\d+)"', (await ada.get(f"/conversations/{talk}")).text)
    await ada.post(f"/messages/{ids[20]}/edit", {"text": "better word"})
    await ada.post(f"/messages/{ids[10]}/delete")
    async with bo.listen(talk) as socket:
        await socket.send('{"after":"0"}')
        heard = await hear_all(socket, "#beat")
    words = re.findall(r"<p>(\w+ word|word \d+)</p>", heard)
    first_of = list(dict.fromkeys(words))
    # The page of fifty began with word 10; each message comes in its place, as it is now.
    texts = {20: "", 30: "better word"}
    assert first_of == [said for number in range(60) if (said := texts.get(number, f"word {number}"))]
    assert "Message deleted" in heard
    assert 'name="after" value="62"' in heard


async def test_after_five_hundred_changes_a_page_is_loaded_anew(ada: Person, bo: Person, talk: int) -> None:
    for start in range(0, 500, 50):
        await asyncio.gather(*(ada.say(talk, f"word {start + number}") for number in range(50)))
    async with bo.listen(talk) as socket:
        await socket.send('{"after":"0"}')
        heard = await hear_all(socket, '#beat" hx-swap="innerHTML"><b>beat')
        assert len(set(re.findall(r'<article id="message-(\d+)"', heard))) == 500
        assert "page-reload" not in heard
    await ada.say(talk, "one more")
    async with bo.listen(talk) as socket:
        await socket.send('{"after":"0"}')
        heard = await hear_all(socket, "<b>beat")
        assert heard.count("<page-reload>") == 1
        assert "<article" not in heard
        await ada.say(talk, "and live again")
        assert "and live again" in await hear(socket, "<article")


async def test_a_page_of_another_time_is_loaded_anew(ada: Person, talk: int) -> None:
    await ada.say(talk, "hello")
    async with ada.listen(talk) as socket:
        await socket.send('{"after":"999999999999999999"}')
        assert "<page-reload>" in await hear(socket, "#beat")


class Frame(HTMLParser):
    """What stands at the top of a frame, and what each partial aims at."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.depth = 0
        self.top: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self.depth:
            self.top.append((tag, dict(attrs)))
        if tag not in ("input", "br", "use", "circle"):
            self.depth += 1

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("use", "circle"):
            self.depth -= 1

    def handle_data(self, data: str) -> None:
        if not self.depth:
            self.words += data.strip()


async def test_every_frame_is_partials_and_swaps_and_a_new_row_is_guarded(ada: Person, bo: Person, talk: int) -> None:
    async with bo.listen(talk) as socket, bo.listen() as inbox:
        await say_hello(socket)
        await inbox.send("{}")
        await ada.say(talk, "as it was")
        frames = [await hear(socket, "as it was")]
        message = re.findall(r'<article id="message-(\d+)"', frames[0])[0]
        await ada.post(f"/messages/{message}/edit", {"text": "as it is"})
        frames.append(await hear(socket, "as it is</p>"))
        await ada.post(f"/messages/{message}/delete")
        frames.append(await hear(socket, "Message deleted</p>"))
        frames += [await hear(inbox, "as it was"), await hear(inbox, "as it is"), await hear(inbox, "Message deleted")]
    for frame in frames:
        parsed = Frame(frame)
        assert parsed.depth == 0
        assert not parsed.words
        for tag, attributes in parsed.top:
            assert tag == "hx-partial" or attributes.get("hx-swap-oob"), frame
            assert "swap:" not in (attributes.get("hx-swap") or "")
    targets = [{attributes.get("hx-target") for _, attributes in Frame(frame).top} for frame in frames[:3]]
    assert f"#messages:not(:has(#message-{message}))" in targets[0]
    assert all(f"#message-{message}" in target for target in targets[1:])
    for revision, frame in enumerate(frames[:3], 1):
        names = [(attrs.get("name"), attrs.get("value")) for tag, attrs in Frame(frame).top if tag == "input"]
        assert names
        assert set(names) == {("after", str(revision))}


async def test_an_outsider_hears_nothing_of_it(ada: Person, cy: Person, talk: int) -> None:
    async with cy.listen() as socket:
        await socket.send("{}")
        await hear(socket, "#beat")
        await ada.say(talk, "between us")
        assert await is_silent(socket)
