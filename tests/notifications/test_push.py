"""Web Push: who is told of a message, what they are told, and that nobody else can read it."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import select

from browsing import ON_SQLITE
from conftest import KEYS, PUSH_KEY, OpenHouse
from parlour import db
from parlour.app import create_app
from parlour.config import Config
from parlour.notifications import lanes, pushing
from parlour.notifications.models import PushSubscription
from parlour.serving import make_server
from people import PATIENCE_S, Person, hear
from processes import free_ports
from push_service import Browser, PushService, check_vapid, push_service, read_notice
from running import running

TALE = "a tale of *two* cities"


@pytest.fixture
async def service() -> AsyncIterator[PushService]:
    async with push_service() as opened:
        yield opened


@pytest.fixture
async def house(open_house: OpenHouse, service: PushService, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(pushing, "WAIT_S", 0.3)
    monkeypatch.setattr(pushing, "LAST_WORDS_S", 0.5)
    monkeypatch.setattr(lanes, "PAUSE_S", 0.3)
    return await open_house(push_hosts=(service.host,))


@pytest.fixture
async def phone(bo: Person, service: PushService) -> Browser:
    """Bo's phone, in a session of his own, with the parlour closed."""
    browser = Browser()
    await browser.subscribe(bo, service.endpoint("/bo"))
    return browser


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[db.Database]:
    opened = db.connect(database_url, lambda _events: None)
    yield opened
    await opened.close()


async def endpoints(database: db.Database) -> list[str]:
    async with database.reading() as reading:
        rows = await reading.execute(select(PushSubscription.endpoint).order_by(PushSubscription.endpoint))
        return [row.endpoint for row in rows]


async def test_a_message_reaches_a_closed_browser_and_only_that(
    ada: Person, bo: Person, talk: int, phone: Browser, service: PushService
) -> None:
    laptop, adas = Browser(), Browser()
    async with Person(bo.url) as elsewhere:
        await elsewhere.sign_in("Bo")
        await laptop.subscribe(elsewhere, service.endpoint("/laptop"))
        await adas.subscribe(ada, service.endpoint("/ada"))
        await ada.say(talk, "an older one")
        await ada.say(talk, TALE)
        await bo.say_live(talk, "said without having seen either")
        pushed = await service.receive("/bo")
        notice = read_notice(phone, pushed)
        assert notice["kind"] == "message"
        assert (notice["title"], notice["body"]) == ("Ada", "a tale of two cities")
        assert (notice["url"], notice["tag"], notice["unread"]) == (f"/conversations/{talk}", f"conversation-{talk}", 2)
        check_vapid(pushed, f"http://{service.host}")
        assert pushed.headers["content-encoding"] == "aes128gcm"
        assert pushed.headers["ttl"] == "86400"
        assert pushed.headers["urgency"] in ("normal", "high")
        assert re.fullmatch("[A-Za-z0-9_-]{1,32}", pushed.headers["topic"])
        assert b"tale" not in pushed.body
        other = await service.receive("/laptop")
        assert read_notice(laptop, other) == notice
        with pytest.raises(InvalidTag):
            read_notice(phone, other)
    assert service.has_none("/bo"), "what is said in one breath is told once"
    assert read_notice(adas, await service.receive("/ada"))["body"] == "said without having seen either"
    assert service.has_none("/ada"), "nobody is told of what they said"


@ON_SQLITE
async def test_a_topic_belongs_to_one_conversation_of_one_person(
    ada: Person, bo: Person, cy: Person, talk: int, phone: Browser, service: PushService
) -> None:
    await Browser().subscribe(ada, service.endpoint("/ada"))
    other = await cy.meet("Bo")
    await ada.say(talk, "first")
    first = await service.receive("/bo")
    await ada.say(talk, "second")
    second = await service.receive("/bo")
    await cy.say(other, "from elsewhere")
    third = await service.receive("/bo")
    await bo.say(talk, "to Ada")
    back = await service.receive("/ada")
    assert first.headers["topic"] == second.headers["topic"]
    assert len({push.headers["topic"] for push in (second, third, back)}) == 3
    assert first.headers["authorization"] == second.headers["authorization"]


@ON_SQLITE
@pytest.mark.parametrize(
    ("shows", "title", "body"),
    [("everything", "Ada", TALE), ("sender", "Ada", "New message"), ("message", "Parlour", "New message")],
)
async def test_a_notification_shows_no_more_than_its_reader_lets_it(
    ada: Person,
    bo: Person,
    talk: int,
    phone: Browser,
    service: PushService,
    shows: str,
    title: str,
    body: str,
) -> None:
    await bo.post("/settings", {"show": shows})
    await ada.say(talk, TALE)
    text = phone.decrypt((await service.receive("/bo")).body).decode()
    assert (title in text, body.replace("*", "") in text) == (True, True)
    assert ("Ada" in text, "cities" in text) == (title == "Ada", body == TALE)


@ON_SQLITE
async def test_the_longest_message_fits(ada: Person, talk: int, phone: Browser, service: PushService) -> None:
    await ada.say(talk, "𝕏é" * 5_000)
    pushed = await service.receive("/bo")
    assert len(pushed.body) <= 4096
    assert str(read_notice(phone, pushed)["body"]).endswith("…")


@ON_SQLITE
async def test_who_sees_the_conversation_or_read_it_meanwhile_is_told_nothing(
    ada: Person, bo: Person, cy: Person, talk: int, phone: Browser, service: PushService
) -> None:
    witness = Browser()
    await witness.subscribe(cy, service.endpoint("/cy"))
    other = await ada.meet("Cy")
    await bo.get(f"/conversations/{talk}")
    await ada.say(talk, "Bo has this before his eyes")
    await ada.say(other, "Cy does not")
    await service.receive("/cy")
    notes = await bo.meet("Bo")
    await bo.say(notes, "nobody is told of their own notes")
    await ada.say(other, "Cy again")
    await service.receive("/cy")
    assert service.has_none("/bo")


@ON_SQLITE
async def test_an_open_page_says_that_it_is_before_somebodys_eyes(
    ada: Person, bo: Person, cy: Person, talk: int, phone: Browser, service: PushService
) -> None:
    witness = Browser()
    await witness.subscribe(cy, service.endpoint("/cy"))
    other = await ada.meet("Cy")
    async with bo.listen(talk) as seen, cy.listen(other) as unseen:
        for socket in (seen, unseen):
            await socket.send('{"after": "0"}')
            await hear(socket, "beat")
        await seen.send('{"shown": true}')
        await unseen.send('{"shown": false}')
        await ada.say(talk, "Bo sees this")
        await ada.say(other, "Cy has it in a tab behind others")
        await service.receive("/cy")
    assert "/bo" not in service.asked


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_of_several_processes_one_tells_and_all_know_what_is_seen(
    open_house: OpenHouse, house: str, service: PushService, phone: Browser, ada: Person, talk: int
) -> None:
    other_house = await open_house(push_hosts=(service.host,))
    async with Person(other_house) as cy, Person(other_house) as bo:
        await cy.sign_up("Cy")
        witness = Browser()
        await witness.subscribe(cy, service.endpoint("/cy"))
        witnessed = await ada.meet("Cy")
        await ada.say(talk, "once")
        await service.receive("/bo")
        await bo.sign_in("Bo")
        await bo.get(f"/conversations/{talk}")
        assert read_notice(phone, await service.receive("/bo"))["kind"] == "read"
        await ada.say(talk, "Bo sees this, by way of the other process")
        await ada.say(witnessed, "and nobody is told twice")
        await service.receive("/cy")
    assert service.asked == {"/bo": 2, "/cy": 1}


@ON_SQLITE
async def test_a_muted_conversation_tells_nothing_until_it_is_not_muted_any_more(
    ada: Person, bo: Person, cy: Person, talk: int, phone: Browser, service: PushService
) -> None:
    witness = Browser()
    await witness.subscribe(cy, service.endpoint("/cy"))
    other = await ada.meet("Cy")
    for mute in ("8 hours", "A week", "Always"):
        await bo.post(f"/conversations/{talk}/settings", {"mute": mute})
        await ada.say(talk, "Bo sleeps")
        await ada.say(other, "Cy does not")
        await service.receive("/cy")
        assert "/bo" not in service.asked
    await bo.post(f"/conversations/{talk}/settings", {"mute": "Not muted"})
    await ada.say(talk, "Bo is awake")
    assert read_notice(phone, await service.receive("/bo"))["body"] == "Bo is awake"


async def test_what_was_told_is_taken_away_once_it_is_read(
    ada: Person, bo: Person, talk: int, phone: Browser, service: PushService
) -> None:
    await ada.say(talk, "read me")
    told = await service.receive("/bo")
    async with Person(bo.url) as elsewhere:
        await elsewhere.sign_in("Bo")
        await elsewhere.get(f"/conversations/{talk}")
    pushed = await service.receive("/bo")
    notice = read_notice(phone, pushed)
    assert (notice["kind"], notice["tag"], notice["unread"]) == ("read", f"conversation-{talk}", 0)
    assert pushed.headers["topic"] == told.headers["topic"], "where the first one still waits, it is not shown at all"


@ON_SQLITE
async def test_what_was_told_is_taken_away_once_it_is_deleted_and_an_edit_tells_nothing(
    ada: Person, bo: Person, talk: int, phone: Browser, service: PushService
) -> None:
    await ada.say(talk, "not for long")
    await service.receive("/bo")
    await ada.post("/messages/1/edit", {"text": "shorter"})
    await ada.post("/messages/1/delete")
    notice = read_notice(phone, await service.receive("/bo"))
    assert (notice["kind"], notice["tag"]) == ("read", f"conversation-{talk}")
    await ada.say(talk, "the next one")
    assert read_notice(phone, await service.receive("/bo"))["body"] == "the next one"
    assert service.asked == {"/bo": 3}


@ON_SQLITE
async def test_an_unread_message_is_told_though_a_newer_one_was_deleted(
    ada: Person, bo: Person, talk: int, phone: Browser, service: PushService
) -> None:
    await ada.say(talk, "important")
    await ada.say(talk, "oops")
    await ada.post("/messages/2/delete")
    assert read_notice(phone, await service.receive("/bo"))["body"] == "important"
    await ada.say(talk, "not for long")
    assert read_notice(phone, await service.receive("/bo"))["body"] == "not for long"
    await ada.post("/messages/3/delete")
    again = read_notice(phone, await service.receive("/bo"))
    assert (again["kind"], again["body"]) == ("message", "important"), "in the place of the deleted one"
    await ada.post("/messages/1/delete")
    assert read_notice(phone, await service.receive("/bo"))["kind"] == "read"
    assert service.asked == {"/bo": 4}


async def test_nothing_is_lost_where_the_house_is_closed_and_opened_again(
    database_url: str, tmp_path: Path, service: PushService, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Config(
        port=free_ports(1)[0],
        data=tmp_path,
        database_url=database_url,
        secret_keys=KEYS,
        push_key=PUSH_KEY,
        push_hosts=(service.host,),
    )

    def opened() -> AbstractAsyncContextManager[str]:
        server = make_server(create_app(config), host=config.host, port=config.port, trusted_proxies=())
        return running(server)

    phone = Browser()
    async with AsyncExitStack() as people:
        async with opened() as house:
            ada = await people.enter_async_context(Person(house))
            bo = await people.enter_async_context(Person(house))
            await ada.sign_up("Ada")
            await bo.sign_up("Bo")
            await phone.subscribe(bo, service.endpoint("/bo"))
            talk = await ada.meet("Bo")
            await ada.say(talk, "a moment before it is closed")
        assert read_notice(phone, await service.receive("/bo"))["body"] == "a moment before it is closed"
        monkeypatch.setattr(pushing, "WAIT_S", 0.3)
        async with _told_is_locked(database_url):
            await people.enter_async_context(opened())
            await bo.get(f"/conversations/{talk}")  # before the new process knows what was told
        assert read_notice(phone, await service.receive("/bo"))["kind"] == "read"
    assert service.asked == {"/bo": 2}


@asynccontextmanager
async def _told_is_locked(database_url: str) -> AsyncIterator[None]:
    """Nobody can look at what was told; on SQLite everybody always can."""
    if database_url.startswith("sqlite"):
        yield
        return
    other = await asyncpg.connect(database_url)
    async with other.transaction():
        await other.execute("LOCK push_told")
        yield
    await other.close()


@ON_SQLITE
async def test_an_address_where_nobody_is_reached_is_forgotten(
    ada: Person, talk: int, phone: Browser, service: PushService, database: db.Database
) -> None:
    for status in (404, 410):
        service.answers["/bo"] = status
        assert await endpoints(database) == [service.endpoint("/bo")]
        await ada.say(talk, f"status {status}")
        async with asyncio.timeout(PATIENCE_S):
            while await endpoints(database):
                await asyncio.sleep(0.05)
        async with Person(ada.url) as bo:
            await bo.sign_in("Bo")
            await Browser().subscribe(bo, service.endpoint("/bo"))
    assert service.asked == {"/bo": 2}


async def test_a_session_that_ended_is_told_nothing(
    ada: Person, bo: Person, cy: Person, talk: int, service: PushService, database: db.Database
) -> None:
    witness = Browser()
    await witness.subscribe(cy, service.endpoint("/cy"))
    other = await ada.meet("Cy")
    await Browser().subscribe(bo, service.endpoint("/bo"))
    await bo.post("/sign-out")
    assert await endpoints(database) == [service.endpoint("/cy")]
    async with Person(bo.url) as elsewhere:
        await elsewhere.sign_in("Bo")
        await Browser().subscribe(elsewhere, service.endpoint("/bo"))
        await elsewhere.post("/settings/notifications/off")
        await Browser().subscribe(elsewhere, service.endpoint("/bo"))
        await elsewhere.post("/settings/sessions/end-all")
    assert await endpoints(database) == [service.endpoint("/cy")]
    await ada.say(talk, "is anybody there?")
    await ada.say(other, "you are")
    await service.receive("/cy")
    assert "/bo" not in service.asked


async def test_a_browser_has_one_address_and_belongs_to_whoever_used_it_last(
    ada: Person, bo: Person, talk: int, service: PushService, database: db.Database
) -> None:
    await Browser().subscribe(bo, service.endpoint("/old"))
    await Browser().subscribe(bo, service.endpoint("/shared"))
    assert await endpoints(database) == [service.endpoint("/shared")]
    mine = Browser()
    await mine.subscribe(ada, service.endpoint("/shared"))
    assert await endpoints(database) == [service.endpoint("/shared")]
    await bo.say(talk, "for Ada")
    assert read_notice(mine, await service.receive("/shared"))["title"] == "Bo"


@ON_SQLITE
async def test_a_push_service_that_is_slow_or_down_delays_nobody(
    ada: Person, bo: Person, cy: Person, talk: int, phone: Browser, service: PushService
) -> None:
    witness = Browser()
    await witness.subscribe(cy, service.endpoint("/cy"))
    other = await ada.meet("Cy")
    service.silent.add("/bo")
    async with asyncio.timeout(PATIENCE_S):
        for number in range(30):
            assert (await ada.say(talk, f"line {number}")).status == 303
    await ada.say(other, "you are quick")
    await service.receive("/cy")
    service.answers["/cy"] = 503
    await ada.say(other, "try again")
    async with asyncio.timeout(PATIENCE_S):
        while service.asked["/cy"] < 2:
            await asyncio.sleep(0.05)
    del service.answers["/cy"]
    assert str(read_notice(witness, await service.receive("/cy"))["body"]) == "try again"


@ON_SQLITE
async def test_what_is_tried_again_goes_nowhere_once_its_session_has_ended(
    ada: Person, bo: Person, talk: int, phone: Browser, service: PushService
) -> None:
    await Browser().subscribe(ada, service.endpoint("/ada"))
    service.answers["/bo"] = 503
    await ada.say(talk, "try again")
    async with asyncio.timeout(PATIENCE_S):
        while "/bo" not in service.asked:
            await asyncio.sleep(0.01)
    await bo.post("/sign-out")
    async with Person(bo.url) as elsewhere:
        await elsewhere.sign_in("Bo")
        await elsewhere.say(talk, "by now it would have been tried twice")
        await service.receive("/ada")
        await elsewhere.say(talk, "and once more")
        await service.receive("/ada")
    assert service.asked["/bo"] == 1


@ON_SQLITE
async def test_a_redirect_is_not_followed(ada: Person, talk: int, phone: Browser, service: PushService) -> None:
    service.answers["/bo"] = 307
    await ada.say(talk, "go elsewhere")
    async with asyncio.timeout(PATIENCE_S):
        while "/bo" not in service.asked:
            await asyncio.sleep(0.05)
    service.answers["/bo"] = 201
    await ada.say(talk, "come back")
    await service.receive("/bo")
    assert service.asked == {"/bo": 2}
