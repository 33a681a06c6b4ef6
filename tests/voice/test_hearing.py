"""Hearing a recording: exact ranges for players, for members alone, and where one stopped is remembered."""

import re
from pathlib import Path

import pytest

from listening import is_silent, say_hello
from parlour import db, schema
from parlour.errors import NotThere
from parlour.voice.listened import note_listened
from parlour.voice.ranges import NoSuchRange, choose_range
from people import Page, Person, hear
from voice.voices import PHONE, WEBM, prepared, sources, speak

ENDLESS, NOTHING = "9" * 5_000, "0" * 400
RANGES = {
    "bytes=0-1": (0, 2),
    "bytes=0-": (0, 100),
    "bytes=10-19": (10, 20),
    "bytes=90-1000": (90, 100),
    "bytes=-10": (90, 100),
    "bytes=-1000": (0, 100),
    "bytes=99-99": (99, 100),
    f"bytes=-{ENDLESS}": (0, 100),
    f"bytes=7-{ENDLESS}": (7, 100),
    f"bytes={NOTHING}7-{NOTHING}8": (7, 9),
    "Bytes=0-1": (0, 2),
    "bytes=0-1,5-6": None,
    "bytes=5-4": None,
    f"bytes={ENDLESS}-{ENDLESS[:-1]}": None,
    "bytes=-1-": None,
    "bytes=+1-2": None,
    "bytes=１-2": None,
    "bytes=-": None,
    "bytes=a-b": None,
    "items=0-1": None,
    "": None,
}


@pytest.mark.parametrize("asked", RANGES)
def test_a_range_is_taken_exactly_or_not_at_all(asked: str) -> None:
    assert choose_range(asked, 100) == RANGES[asked]


@pytest.mark.parametrize(
    "asked",
    ["bytes=100-", "bytes=100-200", "bytes=-0", f"bytes=-{NOTHING}", f"bytes={ENDLESS}-", f"bytes={ENDLESS}-{ENDLESS}"],
)
def test_a_range_behind_the_end_is_refused(asked: str) -> None:
    with pytest.raises(NoSuchRange):
        choose_range(asked, 100)


async def test_players_get_just_the_bytes_that_they_ask_for(ada: Person, bo: Person, talk: int) -> None:
    await speak(ada, talk, PHONE.content)
    [source] = sources((await prepared(bo, talk))[0])
    whole = await bo.client.get(source)
    content, etag = whole.content, whole.headers["etag"]
    assert whole.status_code == 200
    assert whole.headers["accept-ranges"] == "bytes"
    assert "private" in whole.headers["cache-control"]
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert whole.headers["content-security-policy"] == "sandbox; default-src 'none'"
    size = len(content)
    for asked, (start, end) in {
        "bytes=0-1": (0, 2),
        "bytes=1000-": (1000, size),
        "bytes=-500": (size - 500, size),
        f"bytes=100-{size * 2}": (100, size),
    }.items():
        part = await bo.client.get(source, headers={"range": asked})
        assert part.status_code == 206
        assert part.content == content[start:end]
        assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
        assert part.headers["content-length"] == str(end - start)
        assert part.headers["content-type"] == "audio/mp4"
    for asked in (f"bytes={size}-", f"bytes={'9' * 400}-"):
        beyond = await bo.client.get(source, headers={"range": asked})
        assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
        assert beyond.content == b""
    several = await bo.client.get(source, headers={"range": "bytes=0-1,4-5"})
    assert (several.status_code, several.content) == (200, content)
    same = await bo.client.get(source, headers={"if-none-match": f'"other", {etag}'})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
    for condition, status in ((etag, 206), ('"other"', 200), ("Tue, 24 Nov 2026 12:00:00 GMT", 200)):
        headers = {"range": "bytes=0-1", "if-range": condition}
        assert (await bo.client.get(source, headers=headers)).status_code == status
    head = await bo.client.head(source)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(size))
    head = await bo.client.head(source, headers={"range": "bytes=0-1"})
    assert (head.status_code, head.content, head.headers["content-length"]) == (206, b"", "2")


async def test_a_recording_has_the_addresses_of_its_renditions_and_no_others(ada: Person, talk: int) -> None:
    await speak(ada, talk, WEBM.content)
    assert sources((await prepared(ada, talk))[0]) == ["/recordings/1.webm", "/recordings/1.m4a"]
    for address in ("1.ogg", "1.mp3", "1.exe", "1", "01.webm", "1.webm.webm", "1.WEBM", "2.webm", "..%2f1.webm"):
        assert (await ada.get(f"/recordings/{address}")).status == 404, address


async def test_a_deleted_message_is_silent_at_once_and_its_bytes_are_gone(
    ada: Person, bo: Person, talk: int, tmp_path: Path
) -> None:
    await speak(ada, talk, WEBM.content, "never mind")
    [article] = await prepared(bo, talk)
    both = sources(article)
    assert [(await bo.client.get(source)).status_code for source in both] == [200, 200]
    message = re.findall(r'<article id="message-(\d+)"', article)[0]
    assert (await ada.post(f"/messages/{message}/delete")).status == 303
    for person in (ada, bo):
        assert [(await person.get(source)).status for source in both] == [404, 404]
    assert "<audio" not in (await bo.get(f"/conversations/{talk}")).text
    assert "Message deleted" in (await bo.get("/")).text
    assert not list((tmp_path / "recordings").iterdir())


async def test_a_caption_can_be_changed_and_taken_away(ada: Person, talk: int) -> None:
    await speak(ada, talk, PHONE.content, "as it was")
    for text in ("as it is", ""):
        assert (await ada.submit("/messages/1/edit", "/messages/1/edit", text=text)).status == 303
        [article] = (await ada.get(f"/conversations/{talk}")).articles
        assert text in article
        assert "edited" in article
        assert len(sources(article)) == 1


async def test_the_place_in_what_was_deleted_a_moment_ago_is_nowhere(database_url: str) -> None:
    database = db.connect(database_url, lambda _events: None)
    await schema.migrate(database)
    with pytest.raises(NotThere):
        async with database.transaction() as writing:
            await note_listened(writing, 1, 1, position_s=3.25, speed=1, heard=False)
    await database.close()


async def test_another_device_goes_on_where_one_stopped(ada: Person, bo: Person, talk: int) -> None:
    await speak(ada, talk, PHONE.content)
    said = {"position": "3.25", "speed": "1.5"}
    answer = await bo.post("/recordings/1/listened", said, hx_request="true")
    assert (answer.status, answer.text) == (204, "")
    [article] = (await bo.get(f"/conversations/{talk}")).articles
    assert 'data-position="3.25" data-speed="1.5" data-heard="false"' in article
    assert "Not heard yet" in article
    assert (await bo.post("/recordings/1/listened", said | {"position": "99", "heard": "1"})).status == 303
    assert (await bo.post("/recordings/1/listened", {"position": "0", "speed": "2"})).status == 303
    assert (await bo.post("/recordings/1/listened", {"position": "0"})).status == 303, "which chooses no speed"
    await speak(ada, talk, PHONE.content)
    first, second = (await bo.get(f"/conversations/{talk}")).articles
    assert 'data-position="0" data-speed="2" data-heard="true"' in first
    assert "Not heard yet" not in first
    assert 'data-position="0" data-speed="2" data-heard="false"' in second
    assert 'data-position="0" data-speed="1" data-heard="true"' in (await ada.get(f"/conversations/{talk}")).articles[0]


async def test_a_place_is_kept_for_somebody_who_never_chose_a_speed(ada: Person, bo: Person, talk: int) -> None:
    await speak(ada, talk, PHONE.content)
    await bo.post("/recordings/1/listened", {"position": "3.25", "heard": "1"})
    [article] = (await bo.get(f"/conversations/{talk}")).articles
    assert 'data-position="3.25" data-speed="1" data-heard="true"' in article


async def test_ones_own_other_pages_learn_live_how_far_one_has_come_and_nobody_elses(
    ada: Person, bo: Person, talk: int
) -> None:
    await speak(ada, talk, PHONE.content)
    await bo.post("/settings", {"online": "on"})
    await bo.get(f"/conversations/{talk}")
    async with bo.listen(talk) as own, ada.listen(talk) as others:
        for socket in (own, others):
            await say_hello(socket)
        await bo.post("/recordings/1/listened", {"position": "3.25", "speed": "1.5", "heard": "1"})
        frame = await hear(own, 'hx-target="#recording-1"')
        assert 'data-position="3.25" data-speed="1.5" data-heard="true"' in frame
        await bo.post("/recordings/1/listened", {"position": "1", "speed": "1"})
        assert 'data-position="1" data-speed="1" data-heard="true"' in await hear(own, 'hx-target="#recording-1"')
        await bo.post("/recordings/1/listened", {"position": "2"})
        assert 'data-position="2" data-speed="1" data-heard="true"' in await hear(own, 'hx-target="#recording-1"')
        assert await is_silent(others), "her receipts are off"


async def test_its_author_learns_that_it_was_played_unless_receipts_were_off(
    ada: Person, bo: Person, talk: int
) -> None:
    played = {"position": "1", "heard": "1"}
    await speak(ada, talk, PHONE.content)
    await bo.get(f"/conversations/{talk}")
    assert state(await ada.get(f"/conversations/{talk}")) == "Read"
    await ada.post("/recordings/1/listened", played)
    assert state(await ada.get(f"/conversations/{talk}")) == "Read", "to hear oneself is no news"
    async with ada.listen(talk) as socket:
        await say_hello(socket)
        await bo.post("/recordings/1/listened", played)
        assert '<span class="sr">Played</span>' in await hear(socket, 'id="message-1"')
    assert state(await ada.get(f"/conversations/{talk}")) == "Played"
    for hider in (ada, bo):
        await speak(ada, talk, PHONE.content)
        await hider.post("/settings", {"online": "on"})
        await bo.get(f"/conversations/{talk}")
        number = max(map(int, re.findall(r"/recordings/(\d+)", (await bo.get(f"/conversations/{talk}")).text)))
        async with ada.listen(talk) as socket:
            await say_hello(socket)
            await bo.post(f"/recordings/{number}/listened", played)
            assert await is_silent(socket), "nobody learns of it by the line, either"
        await hider.post("/settings", {"receipts": "on", "online": "on"})
        await bo.post(f"/recordings/{number}/listened", played)
        assert state(await ada.get(f"/conversations/{talk}")) == "Delivered"


def state(page: Page) -> str:
    return str(re.findall(r'class="sr">(\w+)</span></span>', page.articles[-1])[0])


@pytest.mark.parametrize(
    "said", [{}, {"position": "-1"}, {"position": "inf"}, {"position": "1", "speed": "3"}, {"position": "1e3"}]
)
async def test_what_is_no_position_is_refused(ada: Person, talk: int, said: dict[str, str]) -> None:
    await speak(ada, talk, PHONE.content)
    page: Page = await ada.post("/recordings/1/listened", said)
    assert page.status == 422
    assert page.alert.endswith(".")
