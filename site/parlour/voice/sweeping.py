"""Removes bytes that belong to no recording: of posts that broke off, and of messages that were deleted meanwhile.

And has the rows mended whose bytes are gone.
"""

import asyncio
import contextlib
import logging
from datetime import UTC, datetime, timedelta

from sqlalchemy import bindparam, select

from parlour.db import Database
from parlour.errors import Unavailable
from parlour.voice.missing import Changed, Inventory, mend_rows
from parlour.voice.models import Recording
from parlour.voice.recordings import rendition_of
from parlour.voice.store import Store

log = logging.getLogger(__name__)

KNOWN = select(Recording.id, Recording.name, Recording.kind).where(
    Recording.name.in_(bindparam("names", expanding=True))
)


async def begin_store(database: Database, store: Store) -> None:
    """Makes the place where recordings are kept, unless there are some already: then it is somewhere else just now."""
    async with database.reading() as db:
        is_first = not (await db.execute(select(Recording.id).limit(1))).all()
    if is_first:
        with contextlib.suppress(Unavailable):
            store.begin()
    elif folder := store.missing_folder:
        log.error(
            "There are recordings, but the folder %s is not there. Until it is, no recording is taken. Mount it; "
            "or make it, if what was in it is lost.",
            folder,
        )


async def sweep_now_and_then(database: Database, store: Store, every_s: int, changed: Changed) -> None:
    """Sweeps for ever. What is younger than `every_s` seconds may belong to a post that is being written."""
    while True:
        with contextlib.suppress(Unavailable):
            await sweep(database, store, every_s, changed)
        await asyncio.sleep(every_s)


async def sweep(database: Database, store: Store, age_s: int, changed: Changed) -> None:
    """Removes every object of that age of which no row tells; and `changed` hears of rows whose objects are gone.

    Raises Unavailable.
    """
    oldest = datetime.now(UTC) - timedelta(seconds=age_s)
    inventory = Inventory()
    async for portion in store.listing():
        async with database.reading() as db:
            rows = await db.execute(KNOWN, {"names": sorted({_recording(found.name) for found in portion})})
            known = {row.name: row for row in rows}
        for found in portion:
            if row := known.get(_recording(found.name)):
                is_original = found.name == f"{row.name}.{row.kind}"
                inventory.note(row.id, is_rendition=not is_original and found.name == rendition_of(row.name))
        due = [found.name for found in portion if found.modified_at <= oldest]
        await store.remove(*(name for name in due if _recording(name) not in known))
    await store.remove_scraps(oldest)
    await mend_rows(database, store, inventory, oldest, changed)


def _recording(name: str) -> str:
    """The name that an object shares with the others of its recording."""
    return name.partition(".")[0]
