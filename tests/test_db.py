"""The database keeps its word: all or nothing, told once committed, and never stuck because somebody went away."""

import asyncio
import contextlib
import re
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, closing, contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from sqlalchemy import Engine, bindparam, event, insert, select, text, update
from sqlalchemy.exc import IntegrityError, ProgrammingError

from line import Line, line_to
from parlour import db, schema
from parlour.accounts.models import Attempt
from parlour.conversations.memberships import THROUGH_THE_GATE
from parlour.conversations.models import Membership
from parlour.db import Among, Database, Often, lending, postgresql
from parlour.errors import Unavailable
from parlour.events import ConversationStarted, Event
from parlour.messages.posting import POSTED
from processes import free_ports
from services import Postgres

PATIENCE_S = 5
NOTED = text("INSERT INTO attempt (subject, at) VALUES ('x', '2026-11-24 12:00:00')")
ADDED = Often(insert(Attempt).returning(Attempt.id, Attempt.subject, Attempt.at, sort_by_parameter_order=True))
RENAMED = Often(update(Attempt).where(Attempt.subject == bindparam("old")).values(subject=bindparam("new")))
ALL_ATTEMPTS = select(Attempt.id, Attempt.subject, Attempt.at).order_by(Attempt.id)
COUNT = text("SELECT count(*) FROM attempt")


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


async def count(database: Database) -> int:
    async with database.reading() as db:
        return int(str((await db.execute(COUNT)).scalar_one()))


async def note(database: Database, announced: Event | None = None) -> None:
    async with database.transaction() as db:
        await db.execute(NOTED)
        if announced:
            db.announce(announced)


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
        for ids in ([], [2], [3, 1, 9]):
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


async def test_a_wish_that_cannot_be_committed_leaves_the_database_usable(tmp_path: Path) -> None:
    async with aclosing(_Closing(f"sqlite:///{tmp_path / 'p.sqlite3'}")) as opened:
        database = await opened.open()
        with pytest.raises(IntegrityError):
            async with database.transaction() as db:
                await db.execute(text("PRAGMA defer_foreign_keys=ON"))
                stray = {"conversation_id": 1, "user_id": 1, "read_seq": 0, "joined_at": datetime.now(UTC)}
                await db.execute(insert(Membership), [stray])
        await note(database)
        assert await count(database) == 1


async def test_whoever_goes_away_while_another_process_writes_leaves_no_transaction_behind(tmp_path: Path) -> None:
    async with aclosing(_Closing(f"sqlite:///{tmp_path / 'p.sqlite3'}")) as opened:
        database = await opened.open()
        with closing(sqlite3.connect(tmp_path / "p.sqlite3", isolation_level=None)) as other, begun() as beginning:
            other.execute("BEGIN IMMEDIATE")
            waiting = asyncio.create_task(note(database))
            await asyncio.to_thread(beginning.wait, PATIENCE_S)
            waiting.cancel()
            other.execute("ROLLBACK")
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await note(database)
        assert await count(database) == 1


async def test_a_time_is_in_utc_on_both_databases_and_never_without_its_zone(database: Database) -> None:
    at = datetime(2026, 11, 24, 13, 30, tzinfo=timezone(timedelta(hours=1)))
    async with database.transaction() as db:
        await db.execute(insert(Attempt), [{"subject": "a", "at": at}])
    async with database.reading() as db:
        found = (await db.execute(select(Attempt.at))).scalar_one()
    assert found == at
    assert str(found) == "2026-11-24 12:30:00+00:00"
    with pytest.raises(Exception, match="without its zone"):
        async with database.transaction() as db:
            await db.execute(insert(Attempt), [{"subject": "a", "at": at.replace(tzinfo=None)}])


async def test_a_mistake_of_ours_is_not_taken_for_an_outage(postgres: Postgres) -> None:
    async with postgres.database() as url, aclosing(_Closing(url)) as opened:
        database = await opened.open()
        with pytest.raises(ProgrammingError):
            async with database.reading() as db:
                await db.execute(text("SELECT * FROM nowhere"))
        with pytest.raises(Exception, match="int64"):
            async with database.reading() as db:
                await db.execute(select(Attempt.id).where(Attempt.id == 2**70))
        with pytest.raises(asyncpg.DataError, match="int64"):
            async with database.transaction() as db:
                await db.execute(Often(select(Attempt.id).where(Attempt.id == bindparam("id"))), {"id": 2**70})
        with pytest.raises(asyncpg.UniqueViolationError):
            async with database.transaction() as db:
                await db.execute(ADDED, [{"id": 1, "subject": "x", "at": datetime.now(UTC)}] * 2)
        assert await count(database) == 0


@pytest.mark.parametrize("sentence", ["SELECT pg_terminate_backend(pg_backend_pid())", "SELECT 1/0"])
async def test_a_line_that_was_cut_is_replaced(postgres: Postgres, sentence: str) -> None:
    async with postgres.database() as url, aclosing(_Closing(url)) as opened:
        database = await opened.open()
        refusal = Unavailable if "terminate" in sentence else Exception
        with pytest.raises(refusal):
            async with database.transaction() as db:
                await db.execute(text(sentence))
        await note(database)
        assert await count(database) == 1


async def test_who_meets_a_dead_line_is_at_most_told_to_come_back(postgres: Postgres) -> None:
    async with postgres.database() as url, aclosing(_Closing(url)) as opened:
        database = await opened.open()
        assert await count(database) == 0
        name = url.rpartition("/")[2]
        await postgres.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        with contextlib.suppress(Unavailable):  # unless the driver has noticed before we ask
            await count(database)
        assert await count(database) == 0


async def test_lines_that_have_gone_silent_are_found_out_by_one_and_not_one_after_another(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "ANSWER_WITHIN_S", 0.5)
    monkeypatch.setattr(lending, "UNDO_WITHIN_S", 0.1)
    async with postgres.database() as url, _through_a_line(url) as (line, address), aclosing(_Closing(address)) as held:
        database = await held.open()
        for touch in (count, note):
            await asyncio.gather(*(note(database) for _ in range(4)), *(count(database) for _ in range(4)))
            line.silence()
            with pytest.raises(Unavailable):
                await touch(database)
            await asyncio.gather(*(note(database) for _ in range(4)), *(count(database) for _ in range(4)))
        line.silence()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):  # who asks does not even wait so long
                await note(database)
        await asyncio.gather(*(note(database) for _ in range(4)), *(count(database) for _ in range(4)))


@pytest.mark.parametrize(
    "state",
    [
        'ALTER DATABASE "{}" ALLOW_CONNECTIONS false',
        'ALTER DATABASE "{}" CONNECTION LIMIT 0',
        'ALTER DATABASE "{}" SET default_transaction_read_only = on',
        'ALTER DATABASE "{}" RENAME TO "{}_elsewhere"',
    ],
)
async def test_a_server_that_lets_nobody_in_or_only_read_is_an_outage(postgres: Postgres, state: str) -> None:
    async with postgres.database() as url, aclosing(_Closing(_as_visitor(url))) as opened:
        name = url.rpartition("/")[2]
        await _change(url, "DO $$ BEGIN CREATE ROLE visitor LOGIN; EXCEPTION WHEN duplicate_object THEN END $$")
        await _change(url, "GRANT ALL ON SCHEMA public TO visitor")
        database = await opened.open()
        await postgres.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        await postgres.run(state.format(name, name))
        for _ in range(2):
            for adding in (NOTED, Often(insert(Attempt).values(subject="x", at=datetime.now(UTC)))):
                with pytest.raises(Unavailable):
                    async with database.transaction() as db:
                        await db.execute(adding)
        if "RENAME" in state:
            await postgres.run(f'ALTER DATABASE "{name}_elsewhere" RENAME TO "{name}"')


async def test_whoever_meets_a_changed_schema_is_at_most_told_to_come_back(postgres: Postgres) -> None:
    """As when a newer Parlour, starting beside this one, has its steps taken."""
    async with postgres.database() as url, aclosing(_Closing(url)) as opened:
        database = await opened.open()
        often, plain = Often(ALL_ATTEMPTS), ALL_ATTEMPTS.limit(1)
        for wider in (200, 300):
            async with database.transaction() as db:
                await db.execute(often)
                await db.execute(plain)
            await _change(url, f"ALTER TABLE attempt ALTER COLUMN subject TYPE varchar({wider})")
            for statement in (often, plain):
                with contextlib.suppress(Unavailable):
                    async with database.transaction() as db:
                        await db.execute(statement)
            async with database.transaction() as db:
                await db.execute(often)
                await db.execute(plain)


async def test_a_lock_that_another_process_never_gives_back_is_waited_for_only_so_long(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "SERVER_LIMITS", {"lock_timeout": "200ms"})
    async with postgres.database() as url, aclosing(_Closing(url)) as opened:
        database = await opened.open()
        other = await asyncpg.connect(url)
        async with other.transaction():
            await other.execute("LOCK attempt")
            for insertion in (NOTED, Often(insert(Attempt).values(subject="x", at=datetime.now(UTC)))):
                with pytest.raises(Unavailable):
                    async with database.transaction() as db:
                        await db.execute(insertion)
        await other.close()
        await note(database)


async def test_many_rows_are_found_in_sqlite_by_an_index(tmp_path: Path) -> None:
    file = tmp_path / "parlour.sqlite3"
    many = ((THROUGH_THE_GATE, [(1, 1), (2, 1)]), (POSTED, [("key", 1, 1), ("other key", 1, 1)]))
    async with aclosing(_Closing(f"sqlite:///{file}")) as opened:
        database = await opened.open()
        with said() as statements:
            async with database.reading() as db:
                for among, values in many:
                    await db.execute(*among.of(values))
    asked = [each for each in statements if each[0].startswith("SELECT")]
    assert len(asked) == len(many)
    with closing(sqlite3.connect(file)) as connection:
        for statement, parameters in asked:
            plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
            assert [row[3] for row in plan if re.match("SCAN (membership|message)", row[3])] == []


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


async def test_a_postgresql_url_may_be_written_as_its_own_programs_write_it(postgres: Postgres) -> None:
    async with postgres.database() as url:
        for written in (url + "?sslmode=prefer", url.replace("postgresql:", "postgres:")):
            async with aclosing(_Closing(written)) as opened:
                assert await count(await opened.open()) == 0


@contextmanager
def said() -> Iterator[list[tuple[str, Sequence[object]]]]:
    """What any SQLite connection of ours is asked, and with what."""
    statements: list[tuple[str, Sequence[object]]] = []

    def look(_connection: object, _cursor: object, statement: str, parameters: Sequence[object], *_: object) -> None:
        statements.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", look)
    yield statements
    event.remove(Engine, "before_cursor_execute", look)


@contextmanager
def begun() -> Iterator[threading.Event]:
    """Set as soon as any SQLite connection of ours asks to be the writer."""
    asked = threading.Event()

    def look(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement == "BEGIN IMMEDIATE":
            asked.set()

    event.listen(Engine, "before_cursor_execute", look)
    yield asked
    event.remove(Engine, "before_cursor_execute", look)


async def _change(url: str, statement: str) -> None:
    """As somebody else does it."""
    other = await asyncpg.connect(url)
    await other.execute(statement)
    await other.close()


def _as_visitor(url: str) -> str:
    """The same database for somebody who is not its master, whom no limit holds."""
    return str(urlsplit(url)._replace(netloc=f"visitor@{urlsplit(url).netloc.rpartition('@')[2]}").geturl())


@asynccontextmanager
async def _through_a_line(url: str) -> AsyncIterator[tuple[Line, str]]:
    """The same database at the other end of a line."""
    parts, port = urlsplit(url), free_ports(1)[0]
    async with line_to(parts.port or 0, port) as line:
        yield line, parts._replace(netloc=parts.netloc.replace(f":{parts.port}", f":{port}")).geturl()


class _Closing:
    """A database for `aclosing`."""

    def __init__(self, url: str) -> None:
        self._database = db.connect(url, lambda _events: None)

    async def open(self) -> Database:
        await schema.migrate(self._database)
        return self._database

    async def aclose(self) -> None:
        await self._database.close()
