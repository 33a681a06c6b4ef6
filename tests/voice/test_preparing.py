"""Second renditions are made by turns of the people who spoke, so that nobody waits for all that somebody else said."""

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import pytest
from sqlalchemy import select

from parlour import db, schema
from parlour.db import Database, Reading, Transaction
from parlour.pace import RightOfWay
from parlour.voice.formats import Kind
from parlour.voice.intake import Kept
from parlour.voice.models import Recording
from parlour.voice.preparing import Changed, FindSpeakers, Preparing
from parlour.voice.recordings import keep, rendition_of
from parlour.voice.store import Store
from parlour.voice.workshop import Workshop
from people import PATIENCE_S
from voice.voices import WEBM

ADAS = 4


async def test_whoever_said_one_thing_does_not_wait_for_all_that_another_said(
    tmp_path: Path, database_url: str
) -> None:
    database, store = db.connect(database_url, lambda _events: None), Store("", tmp_path / "recordings", RightOfWay())
    await schema.migrate(database)
    store.begin()
    said = [Kept(f"{number:032}", Kind.WEBM, "opus", 6.0, bytes(64), 1) for number in range(ADAS + 1)]
    for one in said:
        await store.put(f"{one.name}.webm", io.BytesIO(WEBM.content))
    async with database.transaction() as writing:
        *adas, bos = [sound.id for sound in await keep(writing, said)]

    async def find_speakers(_db: Reading, ids: Sequence[int]) -> dict[int, int]:
        return {each: 2 if each == bos else 1 for each in ids}

    prepared: asyncio.Queue[int] = asyncio.Queue()

    async def note(_db: Transaction, recording_id: int) -> None:
        prepared.put_nowait(recording_id)

    async with preparing(database, store, tmp_path, note, find_speakers), asyncio.timeout(4 * PATIENCE_S):
        order = [await prepared.get() for _ in said]
    await database.close()
    assert set(order[:2]) == {adas[0], bos}
    assert set(order) == {*adas, bos}


async def test_a_rendition_that_two_make_at_once_stays(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("parlour.voice.preparing.TAKEN_FOR", timedelta(0))
    database, store = db.connect(database_url, lambda _events: None), Store("", tmp_path / "recordings", RightOfWay())
    await schema.migrate(database)
    store.begin()
    one = Kept(f"{1:032}", Kind.WEBM, "opus", 6.0, bytes(64), 1)
    await store.put(f"{one.name}.webm", io.BytesIO(WEBM.content))
    async with database.transaction() as writing:
        await keep(writing, [one])
    changes: list[int] = []

    async def note(writing: Transaction, recording_id: int) -> None:
        writing.once_committed(lambda: changes.append(recording_id))

    async def find_speakers(_db: Reading, _ids: Sequence[int]) -> dict[int, int]:
        return {}

    finished: asyncio.Queue[str] = asyncio.Queue()
    put = store.put

    async def noted_put(name: str, content: BinaryIO) -> None:
        await put(name, content)
        await finished.put(name)

    monkeypatch.setattr(store, "put", noted_put)
    async with preparing(database, store, tmp_path, note, find_speakers), asyncio.timeout(4 * PATIENCE_S):
        assert [await finished.get(), await finished.get()] == [rendition_of(one.name)] * 2
        async with database.reading() as reading:
            while (await reading.execute(select(Recording.id).where(Recording.preparing))).all():
                await asyncio.sleep(0.05)
    await database.close()
    assert changes == [1]
    assert await store.size(rendition_of(one.name)) > 0


@asynccontextmanager
async def preparing(
    database: Database, store: Store, folder: Path, changed: Changed, find_speakers: FindSpeakers
) -> AsyncIterator[None]:
    """Somebody prepares what waits."""
    workshop = Workshop(900)
    working = Preparing(database, workshop, store, folder, changed, find_speakers, RightOfWay())
    await working.start()
    yield
    await working.stop()
    await workshop.stop()
