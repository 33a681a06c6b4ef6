"""Whatever changes a recording takes its locks in the order in which a deletion does, so that neither waits forever."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from parlour import db
from parlour.db import Database
from parlour.messages.editing import TAKE_REVISION, redraw
from parlour.pace import RightOfWay
from parlour.voice.store import Store
from parlour.voice.sweeping import sweep
from people import Person
from services import is_blocked
from voice.voices import PHONE, WEBM, prepared, speak

WHAT_A_DELETION_TAKES_LAST = text("SELECT id FROM recording WHERE id = 1 FOR UPDATE NOWAIT")


# On SQLite no second transaction ever writes beside the first.
pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
async def elsewhere(database_url: str) -> AsyncIterator[Database]:
    database = db.connect(database_url, lambda _events: None)
    yield database
    await database.close()


async def test_whoever_hears_a_recording_for_the_first_time(
    ada: Person, bo: Person, talk: int, elsewhere: Database, database_url: str
) -> None:
    await speak(ada, talk, PHONE.content)
    await bo.get(f"/conversations/{talk}")
    async with elsewhere.transaction() as deleting:
        await deleting.execute(TAKE_REVISION, {"changed": talk})
        hearing = asyncio.create_task(bo.post("/recordings/1/listened", {"position": "1", "heard": "1"}))
        await is_blocked(database_url)
        await deleting.execute(WHAT_A_DELETION_TAKES_LAST)
    assert (await hearing).status == 303
    assert 'data-heard="true"' in (await bo.get(f"/conversations/{talk}")).text


async def test_whoever_has_made_its_second_rendition(
    ada: Person, talk: int, elsewhere: Database, database_url: str
) -> None:
    await speak(ada, talk, WEBM.content)
    async with elsewhere.transaction() as deleting:
        await deleting.execute(TAKE_REVISION, {"changed": talk})
        await is_blocked(database_url)
        await deleting.execute(WHAT_A_DELETION_TAKES_LAST)
    await prepared(ada, talk)


async def test_whoever_finds_that_its_bytes_are_gone(
    ada: Person, talk: int, elsewhere: Database, database_url: str, tmp_path: Path
) -> None:
    await speak(ada, talk, PHONE.content)
    await speak(ada, talk, PHONE.content)
    folder = next(tmp_path.rglob("recordings"))
    first = min(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    first.unlink()
    async with elsewhere.transaction() as deleting:
        await deleting.execute(TAKE_REVISION, {"changed": talk})
        sweeping = asyncio.create_task(sweep(elsewhere, Store("", folder, RightOfWay()), 0, redraw))
        await is_blocked(database_url)
        await deleting.execute(WHAT_A_DELETION_TAKES_LAST)
    await sweeping
    assert "This recording is gone." in (await ada.get(f"/conversations/{talk}")).articles[0]
