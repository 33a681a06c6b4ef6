"""On PostgreSQL a group is written by one statement, where its conversations still end as this process knows them."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from sqlalchemy import select, text

from conftest import KEYS, migrated
from parlour import db
from parlour.conversations.memberships import Place, enter
from parlour.conversations.models import Membership
from parlour.db import Database, Transaction
from parlour.events import ConversationChanged, Event
from parlour.messages import posting
from parlour.messages.editing import edit
from parlour.messages.history import Line, find_message, read_page
from parlour.messages.posting import Posting
from parlour.messages.writing import Draft, Stored, Written, write_group
from parlour.together import Arrivals
from services import Postgres

NEWEST = 2**62
PATIENCE_S = 5  # less than anybody waits for a lock
ADA, BO = 1, 2
NOTES, TALK = 1, 2  # Ada's own, and hers with Bo


@pytest.fixture
async def database_url(postgres: Postgres) -> AsyncIterator[str]:
    async with postgres.database(await migrated(postgres)) as url:
        yield url


@pytest.fixture
def published() -> list[Event]:
    return []


@pytest.fixture
async def database(database_url: str, published: list[Event]) -> AsyncIterator[Database]:
    opened = db.connect(database_url, published.extend)
    async with opened.transaction() as writing:
        for statement in (
            """INSERT INTO "user" (id, name, skeleton, password_hash, created_at)
            VALUES (1, 'Ada', 'ada', '', now()), (2, 'Bo', 'bo', '', now())""",
            """INSERT INTO conversation (id, pair, revision, last_seq, created_at)
            VALUES (1, '1:1', 0, 0, now()), (2, '1:2', 0, 0, now())""",
            """INSERT INTO membership (conversation_id, user_id, read_seq, joined_at)
            VALUES (1, 1, 0, now()), (2, 1, 0, now()), (2, 2, 0, now())""",
        ):
            await writing.execute(text(statement))
    yield opened
    await opened.close()


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was written with locks, one question after the other."""
    texts: list[str] = []

    async def noted(writing: Transaction, drafts: Sequence[Draft]) -> Written:
        texts.extend(draft.text for draft in drafts)
        return await write_group(writing, drafts)

    monkeypatch.setattr(posting, "write_group", noted)
    return texts


class House:
    """A process's way to post."""

    def __init__(self, database: Database, *keys: str) -> None:
        self._database = database
        self.told: list[Line] = []
        self._door = Posting(database, keys or KEYS, self.told.extend, Arrivals([]))

    async def __aenter__(self) -> "House":
        self._door.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._door.stop()

    async def say(self, words: str, who: int = ADA, where: int = TALK, key: str = "") -> Stored:
        async with self._database.reading() as reading:
            place = await enter(reading, who, where)
        return await self.say_from(place, words, key)

    async def say_from(self, place: Place, words: str, key: str = "") -> Stored:
        """Says it as somebody who was let in a while ago."""
        name = {ADA: "Ada", BO: "Bo"}[place.user_id]
        return await self._door.post(place, name, key or f"key-{place.user_id}-{words}-0123456789", words)


async def texts(database: Database, conversation: int = TALK) -> list[str | None]:
    """All that was said there, however long ago, in dense order."""
    lines = await whole(database, conversation)
    assert [line.seq for line in lines] == list(range(1, len(lines) + 1))
    return [line.text for line in lines]


async def marks(database: Database) -> list[tuple[int, int, int, int]]:
    """How far everybody has read."""
    asked = select(Membership.conversation_id, Membership.user_id, Membership.read_seq, Membership.uncounted)
    async with database.reading() as reading:
        rows = await reading.execute(asked.order_by(Membership.conversation_id, Membership.user_id))
        return [(row.conversation_id, row.user_id, row.read_seq, row.uncounted) for row in rows]


async def test_where_nobody_else_wrote_meanwhile_a_message_takes_no_locks(
    database: Database, locked: list[str], published: list[Event]
) -> None:
    async with House(database) as house:
        said = [await house.say("a"), await house.say("b", BO)]
        async with database.reading() as reading:
            place = await enter(reading, ADA, TALK)
        said += [await house.say("c", BO), await house.say_from(place, "d")]  # what came between was this house's own
    assert locked == []
    lines = await whole(database)
    assert lines == house.told
    assert [(line.id, line.revision) for line in lines] == [(each.message_id, each.revision) for each in said]
    assert [(line.author_name, line.continues, line.opens_day) for line in lines] == [
        ("Ada", False, True),
        ("Bo", False, False),
        ("Bo", True, False),
        ("Ada", False, False),
    ]
    assert published == [ConversationChanged(TALK, revision) for revision in (1, 2, 3, 4)]


async def test_what_is_posted_twice_is_one_message(database: Database, locked: list[str]) -> None:
    async with House(database) as house:
        await house.say("before")
        first = await house.say("hello", key="0123456789abcdef")
        again = await house.say("hello", key="0123456789abcdef")
        other = await house.say("hello?", key="0123456789abcdef")
    assert (again.again, again.message_id, again.revision) == (True, first.message_id, first.revision)
    assert not other.again
    assert await texts(database) == ["before", "hello", "hello?"]
    assert locked == ["hello"], "the second time"


async def test_a_retry_is_known_under_an_older_key_of_the_house(database: Database) -> None:
    async with House(database) as house:
        first = await house.say("hello", key="0123456789abcdef")
    async with House(database, "a newer key that is long enough too", *KEYS) as house:
        await house.say("something else")
        again = await house.say("hello", key="0123456789abcdef")
    assert (again.again, again.message_id) == (True, first.message_id)
    assert await texts(database) == ["hello", "something else"]


async def test_whoever_wrote_meanwhile_in_another_process_is_passed_by_nobody(
    database: Database, locked: list[str]
) -> None:
    async with House(database) as here, House(database) as there:
        await here.say("a")
        async with database.reading() as reading:
            place = await enter(reading, BO, TALK)
        await there.say("b", BO)
        await there.say("c")
        stale = await here.say_from(place, "d")
        await here.say("e")
    assert not stale.again
    assert await texts(database) == ["a", "b", "c", "d", "e"]
    assert locked == ["d"]


async def test_what_another_process_stored_a_moment_ago_is_known(database: Database) -> None:
    async with House(database) as here, House(database) as there:
        await here.say("a")
        async with database.reading() as reading:
            place = await enter(reading, ADA, TALK)
        first = await there.say("hello", key="0123456789abcdef")
        again = await here.say_from(place, "hello", "0123456789abcdef")
    assert (again.again, again.message_id) == (True, first.message_id)
    assert await texts(database) == ["a", "hello"]


async def test_two_processes_that_write_at_the_same_time_lose_and_double_nothing(database: Database) -> None:
    async with House(database) as here, House(database) as there:
        said = [
            house.say(f"{number}", who, where)
            for number in range(40)
            for house in (here, there)
            for who, where in ((ADA, NOTES), (ADA, TALK), (BO, TALK))
        ]
        stored = await asyncio.gather(*said)
    assert sum(each.again for each in stored) == len(stored) // 2  # each key came to both of them
    for conversation, people in ((NOTES, 1), (TALK, 2)):
        found = await texts(database, conversation)
        assert sorted(map(str, found)) == sorted(f"{number}" for number in range(40) for _ in range(people))
        told = [line for line in here.told + there.told if line.conversation_id == conversation]
        assert sorted(told, key=lambda line: line.seq) == await whole(database, conversation)


async def test_of_one_group_some_are_written_at_once_and_the_others_with_locks(
    database: Database, locked: list[str]
) -> None:
    async with House(database) as here, House(database) as there:
        await here.say("a")
        await here.say("n", where=NOTES)
        async with database.reading() as reading:
            notes, talk = await enter(reading, ADA, NOTES), await enter(reading, ADA, TALK)
        await there.say("b", BO)
        locked.clear()
        stored = await asyncio.gather(
            here.say_from(notes, "o"),
            here.say_from(talk, "c"),
            here.say_from(notes, "p"),
            here.say_from(notes, "o"),
            here.say_from(talk, "d"),
        )
    assert locked == ["c", "d"]
    assert [each.again for each in stored] == [False, False, False, True, False]
    assert stored[0].message_id == stored[3].message_id
    assert await texts(database) == ["a", "b", "c", "d"]
    assert await texts(database, NOTES) == ["n", "o", "p"]


async def test_whoever_holds_one_conversation_holds_up_no_other(database: Database, locked: list[str]) -> None:
    async with House(database) as house:
        await house.say("a")
        await house.say("n", where=NOTES)
        async with database.transaction() as holding:
            await holding.execute(text(f"SELECT 1 FROM conversation WHERE id = {TALK} FOR UPDATE"))
            held = [asyncio.create_task(house.say(words)) for words in "bc"]
            async with asyncio.timeout(PATIENCE_S):
                for words in "opq":
                    await house.say(words, where=NOTES)
            assert not any(task.done() for task in held)
        await asyncio.gather(*held)
    assert await texts(database, NOTES) == ["n", "o", "p", "q"]
    assert sorted(map(str, await texts(database))) == ["a", "b", "c"]
    assert sorted(locked) == ["b", "c"]


async def test_an_edit_moves_the_end_and_what_comes_next_goes_behind_it(database: Database, locked: list[str]) -> None:
    async with House(database) as house:
        first = await house.say("a")
        async with database.reading() as reading:
            place, line = await enter(reading, BO, TALK), await find_message(reading, ADA, first.message_id)
        async with database.transaction() as writing:
            revision = await edit(writing, line, "A")
        second = await house.say_from(place, "b")
    assert second.revision == revision + 1
    assert locked == ["b"]
    assert await texts(database) == ["A", "b"]


async def test_read_marks_move_as_they_do_with_locks(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(house: House, prefix: str) -> list[tuple[int, int, int, int]]:
        for words, who in (("a", ADA), ("b", ADA), ("c", BO), ("d", ADA), ("e", BO), ("f", BO)):
            await house.say(prefix + words, who)
        return await marks(database)

    async with House(database) as house:
        at_once = await run(house, "x")
    monkeypatch.setattr(posting, "write_at_once", nothing_at_once)
    async with database.transaction() as writing:
        await writing.execute(text("UPDATE membership SET read_seq = 0, uncounted = 0"))
        await writing.execute(text("DELETE FROM message"))
        await writing.execute(text("UPDATE conversation SET last_seq = 0"))
    async with House(database) as house:
        assert await run(house, "y") == at_once


async def nothing_at_once(_writing: Transaction, drafts: Sequence[Draft], **_: object) -> Written:
    return [None] * len(drafts), []


async def whole(database: Database, conversation: int = TALK) -> list[Line]:
    lines: list[Line] = []
    async with database.reading() as reading:
        while older := await read_page(reading, conversation, lines[0].seq if lines else NEWEST):
            lines = older + lines
    return lines
