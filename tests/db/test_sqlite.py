"""The embedded database stays usable whatever becomes of a wish, and finds rows by an index."""

import asyncio
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import aclosing, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, insert, text
from sqlalchemy.exc import IntegrityError

from db.attempts import Opening, count, note
from parlour.conversations.memberships import FROM_THE_STREET, THROUGH_THE_GATE
from parlour.conversations.models import Membership
from parlour.db.straight import SQLITE, straight
from parlour.messages.writing import POSTED

PATIENCE_S = 5


async def test_a_wish_that_cannot_be_committed_leaves_the_database_usable(tmp_path: Path) -> None:
    async with aclosing(Opening(f"sqlite:///{tmp_path / 'p.sqlite3'}")) as opened:
        database = await opened.open()
        with pytest.raises(IntegrityError):
            async with database.transaction() as db:
                await db.execute(text("PRAGMA defer_foreign_keys=ON"))
                stray = {"conversation_id": 1, "user_id": 1, "read_seq": 0, "joined_at": datetime.now(UTC)}
                await db.execute(insert(Membership), [stray])
        await note(database)
        assert await count(database) == 1


async def test_whoever_goes_away_while_another_process_writes_leaves_no_transaction_behind(tmp_path: Path) -> None:
    async with aclosing(Opening(f"sqlite:///{tmp_path / 'p.sqlite3'}")) as opened:
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


async def test_what_is_taken_back_is_gone_from_the_file_however_sqlite_was_built(tmp_path: Path) -> None:
    file = tmp_path / "parlour.sqlite3"
    with built_to_leave_what_is_deleted():
        async with aclosing(Opening(f"sqlite:///{file}")) as opened:
            database = await opened.open()
            for statement in (
                "INSERT INTO attempt (subject, at) VALUES ('words of mine, 1', 0), ('words of mine, 2', 0)",
                "UPDATE attempt SET subject = '' WHERE subject = 'words of mine, 1'",
                "DELETE FROM attempt WHERE subject = 'words of mine, 2'",
            ):
                async with database.transaction() as db:
                    await db.execute(text(statement))
    assert b"words of mine" not in file.read_bytes()


async def test_many_rows_are_found_in_sqlite_by_an_index(tmp_path: Path) -> None:
    file = tmp_path / "parlour.sqlite3"
    many = (
        (THROUGH_THE_GATE, [(1, 1), (2, 1)]),
        (FROM_THE_STREET, [(b"digest", 1), (b"other digest", 1)]),
        (POSTED, [("key", 1, 1), ("other key", 1, 1)]),
    )
    async with aclosing(Opening(f"sqlite:///{file}")) as opened:
        await opened.open()
    with closing(sqlite3.connect(file)) as connection:
        for among, values in many:
            often, wanted = among.of(values)
            statement, parameters = straight(often, wanted, SQLITE).expand(wanted)
            plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
            assert [row[3] for row in plan if re.match("SCAN (membership|message)", row[3])] == []


@contextmanager
def built_to_leave_what_is_deleted() -> Iterator[None]:
    """As if SQLite had been built for speed alone, as some systems do."""

    def leave(connection: sqlite3.Connection, _entry: object) -> None:
        connection.execute("PRAGMA secure_delete=OFF")

    event.listen(Engine, "connect", leave)
    yield
    event.remove(Engine, "connect", leave)


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
