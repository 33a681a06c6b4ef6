"""Removes bytes that belong to no recording: of posts that broke off, and of messages that were deleted meanwhile."""

import asyncio
import contextlib
import logging
from datetime import UTC, datetime, timedelta

from sqlalchemy import bindparam, select

from parlour.db import Database
from parlour.errors import Unavailable
from parlour.voice.models import Recording
from parlour.voice.store import Store

log = logging.getLogger(__name__)

KNOWN = select(Recording.name).where(Recording.name.in_(bindparam("names", expanding=True)))


async def sweep_now_and_then(database: Database, store: Store, every_s: int) -> None:
    """Sweeps for ever. What is younger than `every_s` seconds may belong to a post that is being written."""
    while True:
        with contextlib.suppress(Unavailable):
            await sweep(database, store, every_s)
        await asyncio.sleep(every_s)


async def sweep(database: Database, store: Store, age_s: int) -> None:
    """Removes every object of that age of which no row tells. Raises Unavailable."""
    oldest = datetime.now(UTC) - timedelta(seconds=age_s)
    async for portion in store.listing():
        due = [found.name for found in portion if found.modified_at <= oldest]
        async with database.reading() as db:
            rows = await db.execute(KNOWN, {"names": sorted({_recording(name) for name in due})})
            known = {row.name for row in rows}
        await store.remove(*(name for name in due if _recording(name) not in known))
    await store.remove_scraps(oldest)


def _recording(name: str) -> str:
    """The name that an object shares with the others of its recording."""
    return name.partition(".")[0]
