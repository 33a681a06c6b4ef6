"""The database keeps its word: all or nothing, told once committed, and never stuck because somebody went away."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import bindparam, insert, select, text, update

from db.attempts import ADDED, ALL_ATTEMPTS, NOTED, count, note
from parlour import db, schema
from parlour.accounts.models import Attempt
from parlour.db import Among, Database, Often
from parlour.errors import Unavailable
from parlour.events import ConversationStarted, Event

RENAMED = Often(update(Attempt).where(Attempt.subject == bindparam("old")).values(subject=bindparam("new")))


@pytest.fixture
def heard() -> list[Event]:
    return []


@pytest.fixture
async def database(database_url: str, heard: list[Event]) -> AsyncIterator[Database]:
    """A database with the schema, whose events are heard."""

    def hear(events: Sequence[Event]) -> None:
        heard.extend(events)

    opened = db.connect(database_url, hear)
    await schema.migrate(opened)
    yield opened
    await opened.close()


async def test_what_is_announced_is_told_once_it_is_committed(database: Database, heard: list[Event]) -> None:
    async with database.transaction() as db:
        db.announce(ConversationStarted(7))
        assert heard == []
    assert heard == [ConversationStarted(7)]


async def test_what_is_asked_often_is_answered_like_everything_else(database: Database) -> None:
    """PostgreSQL's driver is asked directly: the same values go in, and the same rows come out, in their order."""
    at = datetime(2026, 11, 24, 12, 0, tzinfo=timezone(timedelta(hours=5)))
    rows = [{"id": n, "subject": f"s{n}", "at": at + timedelta(hours=n)} for n in (3, 1, 2)]
    async with database.transaction() as db:
        added = await db.execute(ADDED, rows)
        assert [(row.id, row.subject, row.at) for row in added] == [tuple(row.values()) for row in rows]
        await db.execute(RENAMED, [{"old": "s1", "new": "one"}, {"old": "s2", "new": "two"}])
        await db.execute(RENAMED, {"old": "nobody", "new": "x"})
    async with database.reading() as db:
        plain = (await db.execute(ALL_ATTEMPTS)).all()
        often = (await db.execute(Often(ALL_ATTEMPTS))).all()
        for ids in ([], [2], [3, 1], [3, 1, 9], [9, 8, 7, 1, 2]):
            found = await db.execute(*Among(ALL_ATTEMPTS, Attempt.id).of(ids))
            assert [row.id for row in found] == [n for n in (1, 2, 3) if n in ids]
        for pairs in ([], [("one", 1)], [("one", 1), ("two", 9), ("s3", 3)]):
            found = await db.execute(*Among(ALL_ATTEMPTS, Attempt.subject, Attempt.id).of(pairs))
            assert [(row.subject, row.id) for row in found] == [pair for pair in pairs if pair != ("two", 9)]
    assert often == plain
    assert [(row.subject, row.at.utcoffset()) for row in often] == [
        (name, timedelta(0)) for name in ("one", "two", "s3")
    ]


async def test_what_fails_midway_leaves_nothing_and_is_not_told(database: Database, heard: list[Event]) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as db:
            await db.execute(NOTED)
            db.announce(ConversationStarted(7))
            raise ZeroDivisionError
    assert await count(database) == 0
    assert heard == []
    await note(database)
    assert await count(database) == 1


async def test_whoever_goes_away_in_the_middle_leaves_nothing_open(database: Database, heard: list[Event]) -> None:
    inside = asyncio.Event()

    async def dawdle() -> None:
        async with database.transaction() as db:
            await db.execute(NOTED)
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(dawdle())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await note(database)
    assert await count(database) == 1


async def test_whoever_goes_away_during_the_commit_is_committed_and_told(
    database: Database, heard: list[Event]
) -> None:
    """However late the cancellation comes: what is stored is told, and what is not stored is not."""
    tasks = [asyncio.create_task(note(database, ConversationStarted(n))) for n in range(40)]
    done = 0
    for turns, task in enumerate(tasks):
        for _ in range(turns % 20):
            await asyncio.sleep(0)
        task.cancel()
        done += not isinstance((await asyncio.gather(task, return_exceptions=True))[0], BaseException)
    assert await count(database) == len(heard) >= done
    await note(database)


async def test_a_time_is_in_utc_on_both_databases_and_never_without_its_zone(database: Database) -> None:
    at = datetime(2026, 11, 24, 13, 30, tzinfo=timezone(timedelta(hours=1)))
    async with database.transaction() as db:
        await db.execute(insert(Attempt), [{"subject": "a", "at": at}])
    async with database.reading() as db:
        found = (await db.execute(select(Attempt.at))).one().at
    assert found == at
    assert str(found) == "2026-11-24 12:30:00+00:00"
    with pytest.raises(Exception, match="without its zone"):
        async with database.transaction() as db:
            await db.execute(insert(Attempt), [{"subject": "a", "at": at.replace(tzinfo=None)}])


async def test_a_database_that_is_not_there_is_an_outage(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for url in ("postgresql://nobody@127.0.0.1:1/none", f"sqlite:///{tmp_path / 'folder'}"):
        database = db.connect(url, lambda _events: None)
        with pytest.raises(Unavailable):
            async with database.reading() as reading:
                await reading.execute(text("SELECT 1"))
        await database.close()


@pytest.mark.parametrize("url", ["mysql://a:secret@b/c", "sqlite://", "sqlite:///:memory:", "secret", "pg://:x:secret"])
def test_a_url_of_another_kind_is_refused_with_a_sentence_that_tells_no_password(url: str) -> None:
    with pytest.raises(ValueError, match="postgresql://") as refused:
        db.connect(url, lambda _events: None)
    assert "secret" not in str(refused.value)
