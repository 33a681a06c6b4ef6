"""A recording is judged before it is read, taken in pieces, and stored once however often it is sent."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from browsing import ON_SQLITE
from conftest import OpenHouse
from killing import KillableHouse
from parlour.rates import Rate
from people import Page, Person
from refusals import check_refusal, count_articles
from voice.voices import PHONE, WEBM, Sending, prepared, speak

KEY = "0123456789abcdef"
MIB = 1024 * 1024


@pytest.fixture
async def strict(open_house: OpenHouse) -> AsyncIterator[Person]:
    """Somebody in a house where one recording a minute is enough."""
    async with Person(await open_house(rate_uploads=Rate(1, 60))) as dee:
        yield await dee.sign_up("Dee")


async def answer(sending: Sending, size: int | None = None) -> str:
    """What is answered when only that much of the body has come: up to the file's first byte where nothing is said."""
    reader, writer = await sending.send(sending.before_file if size is None else size)
    async with asyncio.timeout(10):
        line = await reader.readline()
    writer.close()
    return line.decode().split()[1]


async def test_who_may_not_post_is_told_before_a_byte_of_the_file_was_read(
    ada: Person, cy: Person, talk: int, quiet_log: None
) -> None:
    sound = WEBM.content
    assert await answer(Sending(cy, talk, sound, KEY)) == "404"
    assert await answer(Sending(ada, talk, sound, "short")) == "422"
    assert await answer(Sending(ada, talk, sound, KEY, origin="http://elsewhere.test")) == "403"
    assert await answer(Sending(ada, talk, sound, KEY, sec_fetch_site="cross-site")) == "403"
    assert await answer(Sending(ada, talk, sound, KEY, content_length=str(64 * MIB + 1)), 0) == "413"
    async with Person(ada.url) as stranger:
        assert await answer(Sending(stranger, talk, sound, KEY)) == "401"
    assert await count_articles(ada, talk) == 0


@ON_SQLITE
async def test_who_speaks_too_often_is_told_before_the_file_was_read(strict: Person) -> None:
    notes = await strict.meet("Dee")
    first = secrets.token_urlsafe(16)
    assert (await speak(strict, notes, PHONE.content, key=first)).status == 303
    assert await answer(Sending(strict, notes, PHONE.content, KEY)) == "429"
    assert (await speak(strict, notes, WEBM.content, key=first)).status == 429
    page = await speak(strict, notes, PHONE.content, "again", key=KEY)
    check_refusal(page, 429, f"/conversations/{notes}/messages", text="again", key=KEY)
    assert 1 <= int(page.answer.headers["retry-after"]) <= 60
    assert (await strict.say(notes, "text goes on")).status == 303


@ON_SQLITE
async def test_what_is_stored_is_known_again_also_when_it_is_too_often(open_house: OpenHouse) -> None:
    for name, limit in (("Dee", "rate_uploads"), ("Eve", "rate_posts")):
        async with Person(await open_house(**{limit: Rate(1, 60)})) as dee:
            await dee.sign_up(name)
            notes = await dee.meet(name)
            for _ in range(2):
                assert (await speak(dee, notes, PHONE.content, "once", key=KEY)).status == 303
            assert await count_articles(dee, notes) == 1
            assert (await speak(dee, notes, PHONE.content, "another", key=KEY)).status == 429


async def test_what_was_typed_is_in_the_composer_after_signing_in_again(ada: Person, talk: int) -> None:
    path = f"/conversations/{talk}/messages"
    await ada.post("/sign-out")
    page = await speak(ada, talk, WEBM.content, "do not lose me")
    assert page.status == 401
    form = page.form("/sign-in").fields | {"username": "Ada", "password": "correct horse battery"}
    assert (await ada.post("/sign-in", form)).answer.headers["location"] == f"/conversations/{talk}"
    check = await ada.get(f"/conversations/{talk}")
    assert check.form(path).fields["text"] == "do not lose me"


async def test_a_file_above_the_limit_is_refused_with_its_caption(ada: Person, talk: int) -> None:
    path = f"/conversations/{talk}/messages"
    for size in (25 * MIB + 1, 40 * MIB):
        page = await speak(ada, talk, PHONE.content + bytes(size - len(PHONE.content)), "so much")
        check_refusal(page, 413, path, text="so much")
    check_refusal(await speak(ada, talk, b"", "nothing"), 415, path, text="nothing")
    check_refusal(await speak(ada, talk, WEBM.content, "x" * 10_001), 422, path)
    assert (await ada.post(path, {"text": "hello", "key": KEY})).status == 303
    assert await count_articles(ada, talk) == 1


async def test_two_recordings_in_one_form_are_refused_and_none_is_dropped_in_silence(ada: Person, talk: int) -> None:
    path = f"/conversations/{talk}/messages"
    two = [("recording", (name, WEBM.content)) for name in ("first.webm", "second.webm")]
    fields = {"text": "both of them", "key": KEY}
    page = Page(await ada.client.post(path, data=fields, files=two))
    check_refusal(page, 422, path, text="both of them", key=KEY)
    assert await count_articles(ada, talk) == 0
    chosen_and_empty = [two[0], ("recording", ("", b""))]
    assert (await ada.client.post(path, data=fields, files=chosen_and_empty)).status_code == 303
    assert await count_articles(ada, talk) == 1


@ON_SQLITE
async def test_what_is_large_never_lies_in_memory_as_a_whole(tmp_path: Path, database_url: str) -> None:
    with KillableHouse(tmp_path, database_url) as house:
        async with Person(house.url) as ada:
            await ada.sign_up("Ada")
            notes = await ada.meet("Ada")
            await speak(ada, notes, PHONE.content)
            before = house.resident_mib
            large = PHONE.content + b"\0\0\0\0free" + bytes(24 * MIB)
            for _ in range(3):
                assert (await speak(ada, notes, large)).status == 303
            assert house.resident_mib - before < 16


async def test_the_same_recording_under_the_same_key_is_one_message(ada: Person, talk: int, tmp_path: Path) -> None:
    answers = [await speak(ada, talk, WEBM.content, "once", key=KEY) for _ in range(3)]
    answers += await asyncio.gather(*(speak(ada, talk, WEBM.content, "at once", key=KEY) for _ in range(4)))
    assert {answer.status for answer in answers} == {303}
    live = await speak(ada, talk, WEBM.content, "once", key=KEY, hx_request="true")
    assert live.status == 200
    assert re.findall(r'<article id="message-(\d+)"', live.text)[0] == "1"
    assert len(await prepared(ada, talk)) == 2
    assert len(list((tmp_path / "recordings").iterdir())) == 4  # an original and a rendition of each
    for content, text in ((PHONE.content, "once"), (WEBM.content, "twice")):
        assert (await speak(ada, talk, content, text, key=KEY)).status == 303
    assert (await ada.say(talk, "once", key=KEY)).status == 303
    assert await count_articles(ada, talk) == 5


async def test_a_body_that_breaks_off_leaves_nothing(ada: Person, talk: int, tmp_path: Path, quiet_log: None) -> None:
    sending = Sending(ada, talk, WEBM.content, secrets.token_urlsafe(16))
    for share in (0.05, 0.5, 0.95):
        _, writer = await sending.send(round(len(sending.body) * share))
        writer.close()
        await writer.wait_closed()
    assert (await speak(ada, talk, WEBM.content)).status == 303
    assert len(await prepared(ada, talk)) == 1
    assert len(list((tmp_path / "recordings").iterdir())) == 2
