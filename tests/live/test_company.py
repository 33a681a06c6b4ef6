"""What one learns of the others by the line: as much as they show, and never of what is not one's own."""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from sqlalchemy import insert, select
from websockets.asyncio.client import ClientConnection

from browsing import ON_SQLITE
from conftest import Invite, OpenHouse
from listening import is_silent, say_hello
from parlour import db, http_limits, schema
from parlour.accounts.models import User
from parlour.conversations.marks import Standings, read_many_standings
from parlour.db import Reading
from parlour.events import ChoicesChanged, Event
from parlour.live import company, delivery, presence
from parlour.live.audience import Audience
from parlour.live.company import Company
from parlour.live.frames import Frames
from people import Person, hear, hear_all
from raw_page import TEXT, Page, masked

PATIENCE_S = 10
SHOWS_ALL = {"receipts": "on", "online": "on", "typing": "on"}


async def say(socket: ClientConnection, **words: object) -> None:
    await socket.send(json.dumps(words))


async def test_whoever_does_not_belong_hears_not_one_byte(
    ada: Person, bo: Person, cy: Person, talk: int, invite: Invite
) -> None:
    await invite("Dee")
    elsewhere = await cy.meet("Dee")
    async with cy.listen() as inbox, cy.listen(elsewhere) as page:
        for socket in (inbox, page):
            await say_hello(socket)
        async with ada.listen(talk) as hers, bo.listen(talk) as his:
            for socket in (hers, his):
                await say_hello(socket)
            await ada.say_live(talk, "hello")
            await say(his, came={str(talk): 1})
            await hear(hers, 'data-delivered="1"')
            await say(his, doing="typing")
            await hear(hers, "Bo is typing")
            await bo.post(f"/conversations/{talk}/read", {"seq": "1"}, hx_request="true")
            await hear(hers, 'data-read="1"')
        # What somebody claims of a conversation that is not theirs moves nothing.
        await ada.say_live(talk, "are you there?")
        await say(page, came={str(talk): 2}, doing="typing")
        await say(inbox, came={str(talk): 2, "no": 1}, doing="recording")
        assert await is_silent(inbox)
        assert await is_silent(page)
    assert ">Sent<" in (await ada.get(f"/conversations/{talk}")).articles[-1]


@pytest.mark.parametrize("hider", ["Ada", "Bo"])
async def test_what_somebody_hides_is_told_to_nobody_in_any_way(ada: Person, bo: Person, talk: int, hider: str) -> None:
    await (ada if hider == "Ada" else bo).post("/settings", {})
    await ada.say_live(talk, "one")
    async with ada.listen(talk) as hers:
        await say_hello(hers)
        async with bo.listen(talk) as his:
            await say_hello(his)
            await say(his, came={str(talk): 1})
            await hear(hers, 'data-delivered="1" data-read="0" data-unshown=""')
            await say(his, doing="typing")
            await say(his, doing="recording")
            await bo.post(f"/conversations/{talk}/read", {"seq": "1"}, hx_request="true")
            assert await is_silent(hers)
        assert await is_silent(hers)
        await (ada if hider == "Ada" else bo).post("/settings", SHOWS_ALL)
        await bo.post(f"/conversations/{talk}/read", {"seq": "1"}, hx_request="true")  # too late for this one
        await ada.say_live(talk, "two")
        await bo.post(f"/conversations/{talk}/read", {"seq": "2"}, hx_request="true")
        assert 'data-read="2" data-unshown="1-1"' in await hear(hers, 'data-read="')
    one, two = (await ada.get(f"/conversations/{talk}")).articles
    assert ">Delivered<" in one
    assert ">Read<" in two


@ON_SQLITE
async def test_a_line_that_was_cut_is_told_on_coming_back_how_things_stand(ada: Person, bo: Person, talk: int) -> None:
    await ada.say_live(talk, "one")
    await bo.get(f"/conversations/{talk}")
    async with ada.listen(talk) as hers:
        await hers.send('{"after":"1"}')
        assert "Last seen within the hour" in await hear(hers, 'data-delivered="1" data-read="1" data-unshown=""')


@ON_SQLITE
async def test_several_pages_are_one_person(
    ada: Person, bo: Person, talk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "AWAY_AFTER_S", 0.1)
    async with ada.listen(talk) as hers:
        await say_hello(hers)
        async with bo.listen() as inbox:
            await say_hello(inbox)
            await hear(hers, ">Online<")
            async with bo.listen(talk) as his:
                await say_hello(his)
                await say(his, doing="typing")
                await hear(hers, "Bo is typing")
                await say(his, doing="")
                await hear(hers, ">Online<")
            assert await is_silent(hers)
        await hear(hers, "Last seen within the hour")


@ON_SQLITE
async def test_whoever_reads_without_scripts_is_here_too(
    ada: Person, bo: Person, talk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert http_limits.READER_WAIT_S + presence.AWAY_AFTER_S <= 45, "whoever takes nothing any more is not here"
    monkeypatch.setattr(presence, "AWAY_AFTER_S", 0.1)
    async with ada.listen(talk) as hers:
        await say_hello(hers)
        for path in (f"/conversations/{talk}/live", "/inbox/live"):
            async with bo.client.stream("GET", path):
                await hear(hers, ">Online<")
            await hear(hers, "Last seen within the hour")
        await bo.post("/settings", {})
        await hear(hers, "<span></span>")
        async with bo.client.stream("GET", path):
            assert await is_silent(hers)


@ON_SQLITE
async def test_a_page_that_answers_no_more_is_not_here_any_more(
    ada: Person, bo: Person, talk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert presence.SILENT_AFTER_S + company.RENEW_EVERY_S <= 45
    assert presence.SILENT_AFTER_S < 2 * delivery.BEAT_EVERY_S, "two beats that were not answered are enough"
    monkeypatch.setattr(presence, "SILENT_AFTER_S", 3)
    monkeypatch.setattr(company, "RENEW_EVERY_S", 0.2)
    async with ada.listen(talk) as hers:
        await say_hello(hers)
        silent = await raw_page(bo, "/live", masked(TEXT, b"{}"))
        await hear(hers, ">Online<")
        await hear(hers, "Last seen within the hour")
        silent.writer.close()


@ON_SQLITE
async def test_to_say_again_who_is_here_asks_the_database_nothing(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With thousands of pages it would hold up everybody, each time."""
    monkeypatch.setattr(company, "RENEW_EVERY_S", 0.02)
    looks: list[list[int]] = []

    async def noted(reading: Reading, conversation_ids: list[int]) -> Mapping[int, Standings]:
        looks.append(conversation_ids)
        return await read_many_standings(reading, conversation_ids)

    url = await open_house()
    async with Person(url) as ada, Person(url) as bo:
        await ada.sign_up("Ada")
        await bo.sign_up("Bo")
        talk = await ada.meet("Bo")
        async with ada.listen(talk) as hers, bo.listen(talk) as his:
            await say_hello(his)
            await say_hello(hers)
            monkeypatch.setattr(company, "read_many_standings", noted)
            async with asyncio.timeout(PATIENCE_S):
                quiet = False
                while not quiet:  # until what both have come for is told, ten times as long as it takes to say it again
                    looks.clear()
                    await asyncio.sleep(0.2)
                    quiet = not looks
            await bo.post("/settings", {})
            await hear(hers, "<span></span>")
            assert looks, "what has changed is looked up"


@ON_SQLITE
async def test_an_open_page_says_by_itself_that_somebody_was_seen_longer_ago(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(company, "AGED_WITHIN_S", 0.1)
    url = await open_house()
    async with Person(url) as ada, Person(url) as bo:
        await ada.sign_up("Ada")
        await bo.sign_up("Bo")
        talk = await ada.meet("Bo")
        async with ada.listen(talk) as hers:
            await say_hello(hers)
            async with bo.listen(talk) as his:
                await say_hello(his)
                await hear(hers, ">Online<")
            await hear(hers, "Last seen within the hour")
            monkeypatch.setattr(company, "LATELY", ((timedelta(0), "within the hour"), *company.LATELY[1:]))
            await hear(hers, "Last seen within a day")


@ON_SQLITE
async def test_a_flood_of_words_is_cut_and_hardly_heard(ada: Person, bo: Person, talk: int) -> None:
    async with ada.listen(talk) as hers:
        await say_hello(hers)
        flood = masked(TEXT, b'{"after":"0"}') + 10_000 * masked(TEXT, b'{"doing":"typing"}')
        async with await raw_page(bo, f"/live?conversation={talk}", flood) as his:
            code, _ = await his.last_words()
        assert code == 1013
        heard = await hear_all(hers, "Last seen")
        assert heard.count("Bo is typing") == 1, "once, until it fades"


async def raw_page(person: Person, path: str, words: bytes) -> Page:
    """A page of theirs that says these words at once, and never answers anything."""
    address = urlsplit(person.url)
    return await Page.open(
        address.port or 80, path, behind=words, host=address.netloc, origin=person.url, cookie=person.cookie
    )


async def test_whoever_is_here_when_the_house_is_closed_was_seen_at_that_moment(database_url: str) -> None:
    published: list[Event] = []
    database = db.connect(database_url, published.extend)
    await schema.migrate(database)
    now = datetime.now(UTC)
    people = [
        {"id": number, "name": name, "skeleton": name, "password_hash": "", "created_at": now, "last_seen_at": now}
        for number, name in ((1, "ada"), (2, "bo"))
    ]
    async with database.transaction() as writing:
        await writing.execute(insert(User), people)
    closing = Company(database, Frames.__new__(Frames), Audience(1, 1), published.extend)
    closing.hold(1)
    await closing.stop()
    async with database.reading() as reading:
        seen = {row.id: row.last_seen_at for row in await reading.execute(select(User.id, User.last_seen_at))}
    await database.close()
    assert seen[1] > now
    assert seen[2] == now
    assert ChoicesChanged(1) in published, "others have to look again once it is noted"
