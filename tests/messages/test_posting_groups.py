"""Messages are written in groups; what becomes of one group, or of whoever waits for it, harms nobody else."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing

import asyncpg
import pytest
from sqlalchemy import text

from conftest import KEYS
from parlour import db, schema
from parlour.conversations.memberships import Place
from parlour.db import Database, postgresql, sqlite
from parlour.errors import NotThere, Unavailable
from parlour.messages import posting
from parlour.messages.history import Line, read_page
from parlour.messages.posting import Posting
from parlour.together import Arrivals, Together
from people import Person, hear

NEWEST = 2**62
PATIENCE_S = 10
NOBODY_COMES = Arrivals([])
Held = Callable[[], AbstractAsyncContextManager[None]]


@pytest.fixture
def held(database_url: str) -> Held:
    """Another process that holds what every message needs, as long as the test wants."""

    @asynccontextmanager
    async def on_sqlite() -> AsyncIterator[None]:
        with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")

    @asynccontextmanager
    async def on_postgresql() -> AsyncIterator[None]:
        other = await asyncpg.connect(database_url)
        async with other.transaction():
            await other.execute("LOCK message IN EXCLUSIVE MODE")
            yield
        await other.close()

    return on_sqlite if database_url.startswith("sqlite") else on_postgresql


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A house that waits for others only shortly."""
    monkeypatch.setattr(sqlite, "SQLITE_BUSY_MS", 100)
    monkeypatch.setattr(postgresql, "SERVER_LIMITS", {"lock_timeout": "100ms"})


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = db.connect(database_url, lambda _events: None)
    await schema.migrate(opened)
    yield opened
    await opened.close()


async def texts(database: Database, conversation: int) -> list[str | None]:
    async with database.reading() as reading:
        return [line.text for line in await read_page(reading, conversation, NEWEST)]


async def test_many_at_once_are_each_written_once_in_dense_order(ada: Person, bo: Person, talk: int) -> None:
    async with bo.listen(talk) as socket:
        await socket.send('{"after":"0"}')
        await hear(socket, "#beat")
        said = [person.say(talk, f"{person.name}{n}!") for n in range(60) for person in (ada, bo)]
        answers = await asyncio.gather(*said)
        assert {answer.status for answer in answers} == {303}
        await hear(socket, 'name="after" value="120"')
    page = await ada.get(f"/conversations/{talk}?before=121")
    older = await ada.get(f"/conversations/{talk}?before=71")
    oldest = await ada.get(f"/conversations/{talk}?before=21")
    rows = [*oldest.articles, *older.articles, *page.articles]
    assert [f'data-seq="{seq}"' in row for seq, row in enumerate(rows, 1)] == [True] * 120


async def test_what_is_refused_while_the_database_is_busy_can_be_sent_again_with_the_key_that_it_had(
    impatient: None, ada: Person, talk: int, held: Held
) -> None:
    async with held():
        refused = await ada.say(talk, "hello", key="0123456789abcdef")
    assert refused.status == 503
    assert refused.alert
    assert int(refused.answer.headers["retry-after"]) > 0
    form = refused.form(f"/conversations/{talk}/messages")
    assert (form.fields["text"], form.fields["key"]) == ("hello", "0123456789abcdef")
    assert (await ada.post(form.action, form.fields)).status == 303
    assert (await ada.say(talk, "hello", key="0123456789abcdef")).status == 303
    assert len((await ada.get(f"/conversations/{talk}")).articles) == 1


async def test_a_message_whose_sender_goes_away_while_it_waits_is_stored_and_heard(
    ada: Person, bo: Person, talk: int, held: Held
) -> None:
    async with bo.listen(talk) as socket:
        await socket.send('{"after":"0"}')
        await hear(socket, "#beat")
        async with held():
            body = b"key=0123456789abcdef&text=hello"
            head = f"POST /conversations/{talk}/messages HTTP/1.1\r\nHost: {ada.url.rpartition('/')[2]}\r\n"
            head += f"Origin: {ada.url}\r\nCookie: {ada.cookie}\r\nContent-Length: {len(body)}\r\n"
            head += "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
            _, writer = await asyncio.open_connection("127.0.0.1", int(ada.url.rpartition(":")[2]))
            writer.write(head.encode() + body)
            await bo.get(f"/conversations/{talk}")  # meanwhile the message has come as far as it can
            writer.transport.abort()
        async with asyncio.timeout(PATIENCE_S):
            await hear(socket, "hello")


async def test_whoever_gives_up_waiting_harms_nobody_in_the_group(database: Database) -> None:
    place = await a_place(database)
    door = Posting(database, KEYS, ignore, NOBODY_COMES)
    first, second, third = (
        asyncio.create_task(door.post(place, "Ada", f"key-{said}-0123456789", said)) for said in "abc"
    )
    await asyncio.sleep(0)
    second.cancel()
    door.start()
    assert [(await task).again for task in (first, third)] == [False, False]
    await door.stop()
    assert await texts(database, place.id) == ["a", "b", "c"]


async def test_a_group_that_fails_as_nobody_foresaw_does_not_stop_the_next_one(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    place = await a_place(database)
    door = Posting(database, KEYS, ignore, NOBODY_COMES)
    door.start()
    nobody = Place(id=place.id, user_id=999, revision=0, last_seq=0, read_seq=0, other_id=1, name="Ada")
    with pytest.raises(Unavailable):
        await door.post(nobody, "Ada", "0123456789abcdef", "hello")
    await door.post(place, "Ada", "0123456789abcdef", "hello")
    await door.stop()
    assert await texts(database, place.id) == ["hello"]
    assert [record.levelname for record in caplog.records] == ["ERROR"]


async def test_a_conversation_that_is_gone_when_its_turn_comes_is_not_there(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    place = await a_place(database)
    nowhere = Place(id=999, user_id=place.user_id, revision=0, last_seq=0, read_seq=0, other_id=1, name="Ada")
    door = Posting(database, KEYS, ignore, NOBODY_COMES)
    lost, kept = (
        asyncio.create_task(door.post(where, "Ada", "0123456789abcdef", "hello")) for where in (nowhere, place)
    )
    await asyncio.sleep(0)
    door.start()
    with pytest.raises(NotThere):
        await lost
    assert not (await kept).again
    await door.stop()
    assert not caplog.records


async def test_who_waits_when_the_house_closes_is_stored_or_refused_but_never_left_waiting(database: Database) -> None:
    place = await a_place(database)
    door = Posting(database, KEYS, ignore, NOBODY_COMES)
    said = [asyncio.create_task(door.post(place, "Ada", f"key-{n:04}-0123456789", f"{n}")) for n in range(500)]
    await asyncio.sleep(0)
    door.start()
    await asyncio.sleep(0)
    await door.stop()
    outcomes = await asyncio.gather(*said, return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, Unavailable)]
    assert refused
    assert len(await texts(database, place.id)) == min(50, 500 - len(refused)) > 0
    with pytest.raises(Unavailable):
        await door.post(place, "Ada", "0123456789abcdef", "too late")


async def test_when_too_many_wait_the_next_one_is_told_so(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "WAITING_AT_MOST", 2)
    place = await a_place(database)
    door = Posting(database, KEYS, ignore, NOBODY_COMES)
    waiting = [asyncio.create_task(door.post(place, "Ada", f"key-{n}-0123456789", f"{n}")) for n in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await door.post(place, "Ada", "0123456789abcdef", "one too many")
    door.start()
    await asyncio.gather(*waiting)
    await door.stop()


async def test_whoever_is_on_the_way_when_another_posts_is_written_with_them(database: Database) -> None:
    place = await a_place(database)
    groups: list[list[Line]] = []
    opened = asyncio.Event()

    async def look(keys: Sequence[str]) -> Mapping[str, str]:
        await opened.wait()
        return {key: key for key in keys}

    gate = Together(look)
    door = Posting(database, KEYS, groups.append, Arrivals([gate]))
    door.start()

    async def come_and_say(text: str) -> None:
        await gate.find(text)
        await door.post(place, "Ada", f"key-{text}-0123456789", text)

    coming = asyncio.create_task(come_and_say("a"))
    await asyncio.sleep(0)
    here = asyncio.create_task(door.post(place, "Ada", "key-b-0123456789", "b"))
    await asyncio.sleep(0)
    opened.set()
    await asyncio.gather(coming, here)
    await door.stop()
    assert [[line.text for line in group] for group in groups] == [["b", "a"]]


async def test_a_retry_is_known_under_an_older_key_of_the_house(database: Database) -> None:
    place = await a_place(database)
    for keys in (KEYS, ("a newer key that is long enough too", *KEYS)):
        door = Posting(database, keys, ignore, NOBODY_COMES)
        door.start()
        stored = await door.post(place, "Ada", "0123456789abcdef", "hello")
        await door.stop()
    assert stored.again
    assert await texts(database, place.id) == ["hello"]


def ignore(_lines: list[Line]) -> None:
    """Nobody listens."""


async def a_place(database: Database) -> Place:
    """Ada's notes."""
    async with database.transaction() as writing:
        for statement in (
            'INSERT INTO "user" (id, name, skeleton, password_hash, created_at) '
            "VALUES (1, 'Ada', 'ada', '', '2026-11-24 12:00:00')",
            "INSERT INTO conversation (id, pair, revision, last_seq, created_at) "
            "VALUES (1, '1:1', 0, 0, '2026-11-24 12:00:00')",
            "INSERT INTO membership (conversation_id, user_id, read_seq, joined_at) "
            "VALUES (1, 1, 0, '2026-11-24 12:00:00')",
        ):
            await writing.execute(text(statement))
    return Place(id=1, user_id=1, revision=0, last_seq=0, read_seq=0, other_id=1, name="Ada")
