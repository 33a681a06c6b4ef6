"""Second renditions are made by turns of the people who spoke, so that nobody waits for all that somebody else said."""

import asyncio
import io
from collections.abc import Sequence
from pathlib import Path

from parlour import db, schema
from parlour.db import Reading, Transaction
from parlour.pace import RightOfWay
from parlour.voice.formats import Kind
from parlour.voice.intake import Kept
from parlour.voice.preparing import Preparing
from parlour.voice.recordings import keep
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

    workshop = Workshop(900)
    preparing = Preparing(database, workshop, store, tmp_path, note, find_speakers, RightOfWay())
    await preparing.start()
    async with asyncio.timeout(4 * PATIENCE_S):
        order = [await prepared.get() for _ in said]
    await preparing.stop()
    await workshop.stop()
    await database.close()
    assert set(order[:2]) == {adas[0], bos}
    assert set(order) == {*adas, bos}
