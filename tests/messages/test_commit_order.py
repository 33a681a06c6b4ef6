"""Revisions are handed out in the order of commits, so that no reader's cursor passes what it has not seen."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import msgspec
import pytest
from sqlalchemy import insert, select

from conftest import migrated
from parlour import db
from parlour.db import Database, Reading, Transaction
from parlour.hub import make_hub
from parlour.messages.history import read_changes
from parlour.messages.models import Message
from parlour.messages.writing import Draft, Tail, write_group
from people import Person, hear_all
from services import Postgres, is_blocked

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture
async def database_url(postgres: Postgres) -> AsyncIterator[str]:
    """PostgreSQL alone: on SQLite no second transaction ever writes beside the first."""
    async with postgres.database(await migrated(postgres)) as url:
        yield url


@pytest.fixture
async def elsewhere(database_url: str) -> AsyncIterator[Database]:
    """The database as another process uses it, whose events reach every house."""
    hub = make_hub(database_url)
    await hub.start()
    database = db.connect(database_url, hub.publish)
    yield database
    await hub.stop()
    await database.close()


async def test_while_a_message_is_not_committed_no_reader_sees_or_passes_it(
    ada: Person, bo: Person, talk: int, elsewhere: Database, database_url: str
) -> None:
    await ada.say(talk, "before")
    readers = [Reader(ada, talk), Reader(bo, talk), Reader(bo, talk)]
    for reader in readers:
        await reader.look_in()
    async with ada.listen(talk) as staying:
        await staying.send('{"after":"1"}')
        async with elsewhere.transaction() as writing:
            await write_group(writing, [a_draft(talk, "first")])
            second = asyncio.create_task(bo.say(talk, "second"))
            await is_blocked(database_url)
            for reader in readers[:2] * 3:
                await reader.look_in()
                assert reader.seen == ["before"]
        assert (await second).status == 303
        both = await hear_all(staying, "<p>second</p>")
        assert both.index("<p>first</p>") < both.index("<p>second</p>")
    for reader in readers:
        await reader.look_in()
        assert reader.seen == ["before", "first", "second"]


class Reader:
    """Somebody whose page comes and goes, and says each time how far it had got."""

    def __init__(self, person: Person, talk: int) -> None:
        self._person, self._talk = person, talk
        self._cursor = "0"
        self.seen: list[str] = []

    async def look_in(self) -> None:
        """Opens a line, hears what is new, and goes again."""
        async with self._person.listen(self._talk) as socket:
            await socket.send(f'{{"after":"{self._cursor}"}}')
            heard = await hear_all(socket, "#beat")
        self.seen += [part.partition("</p>")[0] for part in heard.split("<p>")[1:]]
        if 'name="after" value="' in heard:
            self._cursor = heard.rpartition('name="after" value="')[2].partition('"')[0]


Write = Callable[[Transaction, str], Awaitable[None]]


class Cursor(msgspec.Struct, frozen=True):
    """A way to say how far one has read: how a message gets its place, and how a reader asks for what comes after."""

    write: Write
    begin: object
    read: Callable[[Reading, object], Awaitable[list[tuple[object, str]]]]


async def write_with_revision(writing: Transaction, text: str) -> None:
    await write_group(writing, [a_draft(1, text)])


async def write_as_it_comes(writing: Transaction, text: str) -> None:
    """A message whose place is its id or its time, as in a house that counts nothing under a lock."""
    place = {"first": 1, "second": 2}[text]
    places = {"seq": place, "posted_revision": place, "revision": place}
    said = insert(Message).values(conversation_id=1, author_id=1, key=text, digest=b"", text=text, **places)
    await writing.execute(said.values(posted_at=datetime.now(UTC), continues=False, opens_day=False))


async def read_after_revision(reading: Reading, cursor: object) -> list[tuple[object, str]]:
    lines = await read_changes(reading, 1, int(str(cursor)))
    return [(line.revision, line.text or "") for line in lines]


async def read_after_id(reading: Reading, cursor: object) -> list[tuple[object, str]]:
    rows = await reading.execute(select(Message.id, Message.text).where(Message.id > cursor).order_by(Message.id))
    return [(row.id, row.text) for row in rows]


async def read_after_time(reading: Reading, cursor: object) -> list[tuple[object, str]]:
    later = select(Message.posted_at, Message.text).where(Message.posted_at > cursor).order_by(Message.posted_at)
    return [(row.posted_at, row.text) for row in await reading.execute(later)]


CURSORS = {
    "revision": Cursor(write_with_revision, 0, read_after_revision),
    "id": Cursor(write_as_it_comes, 0, read_after_id),
    "time": Cursor(write_as_it_comes, LONG_AGO, read_after_time),
}
EVERYTHING = ["first", "second"]
WITHOUT_WHAT_WAS_COMMITTED_LATE = ["second"]


@pytest.mark.parametrize(
    ("kind", "seen"),
    [("revision", EVERYTHING), ("id", WITHOUT_WHAT_WAS_COMMITTED_LATE), ("time", WITHOUT_WHAT_WAS_COMMITTED_LATE)],
)
async def test_only_a_revision_is_a_cursor_that_loses_nothing(
    ada: Person, kind: str, seen: list[str], elsewhere: Database, database_url: str
) -> None:
    assert await ada.meet("Ada") == 1
    assert await read_while_the_first_is_held_open(CURSORS[kind], elsewhere, database_url) == seen


async def read_while_the_first_is_held_open(cursor: Cursor, database: Database, url: str) -> list[str]:
    """What a reader sees in all who looks in again and again while two transactions write."""
    at, seen = cursor.begin, list[str]()

    async def look_in() -> None:
        nonlocal at
        async with database.reading() as reading:
            for place, text in await cursor.read(reading, at):
                at = place
                seen.append(text)

    async with database.transaction() as first:
        await cursor.write(first, "first")
        second = asyncio.create_task(write_alone(cursor.write, database, "second"))
        blocked = asyncio.create_task(is_blocked(url))
        await asyncio.wait({second, blocked}, return_when=asyncio.FIRST_COMPLETED)
        blocked.cancel()
        await look_in()
        await look_in()
    await second
    await look_in()
    return seen


async def write_alone(write: Write, database: Database, text: str) -> None:
    async with database.transaction() as writing:
        await write(writing, text)


def a_draft(conversation: int, text: str) -> Draft:
    """Something that Ada, who came first, wants to say."""
    return Draft(conversation, Tail(0, 0, None, None), 1, "Ada", f"a-key-of-its-own-{text}", text, text.encode(), ())
