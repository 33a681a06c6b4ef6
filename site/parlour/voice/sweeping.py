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
        await asyncio.sleep(every_s)
        with contextlib.suppress(Unavailable):
            await sweep(database, store, every_s)


async def sweep(database: Database, store: Store, age_s: int) -> None:
    """Removes every object of that age of which no row tells. Raises Unavailable."""
    oldest = datetime.now(UTC) - timedelta(seconds=age_s)
    async for portion in store.listing():
        due = {found.name.partition(".")[0]: found.name for found in portion if found.modified_at <= oldest}
        async with database.reading() as db:
            known = {row.name for row in await db.execute(KNOWN, {"names": sorted(due)})}
        await store.remove(*(name for base, name in due.items() if base not in known))
    await store.remove_scraps(oldest)
