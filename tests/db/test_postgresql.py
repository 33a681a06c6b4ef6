"""PostgreSQL may be cut off, silent, locked or changed: that is an outage, and it ends when the cause does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit

import asyncpg
import pytest
from sqlalchemy import bindparam, insert, select, text
from sqlalchemy.exc import ProgrammingError

from db.attempts import ADDED, ALL_ATTEMPTS, NOTED, Opening, count, note
from line import Line, line_to
from parlour.accounts.models import Attempt
from parlour.db import Often, lending, postgresql
from parlour.errors import Unavailable
from processes import free_ports
from services import Postgres


async def test_a_mistake_of_ours_is_not_taken_for_an_outage(postgres: Postgres) -> None:
    async with postgres.database() as url, aclosing(Opening(url)) as opened:
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
    async with postgres.database() as url, aclosing(Opening(url)) as opened:
        database = await opened.open()
        refusal = Unavailable if "terminate" in sentence else Exception
        with pytest.raises(refusal):
            async with database.transaction() as db:
                await db.execute(text(sentence))
        await note(database)
        assert await count(database) == 1


async def test_who_meets_a_dead_line_is_at_most_told_to_come_back(postgres: Postgres) -> None:
    async with postgres.database() as url, aclosing(Opening(url)) as opened:
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
    async with postgres.database() as url, _through_a_line(url) as (line, address), aclosing(Opening(address)) as held:
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
    async with postgres.database() as url, aclosing(Opening(_as_visitor(url))) as opened:
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
    async with postgres.database() as url, aclosing(Opening(url)) as opened:
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
    async with postgres.database() as url, aclosing(Opening(url)) as opened:
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


async def test_a_postgresql_url_may_be_written_as_its_own_programs_write_it(postgres: Postgres) -> None:
    async with postgres.database() as url:
        for written in (url + "?sslmode=prefer", url.replace("postgresql:", "postgres:")):
            async with aclosing(Opening(written)) as opened:
                assert await count(await opened.open()) == 0


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
