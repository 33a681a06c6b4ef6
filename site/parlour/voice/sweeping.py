"""Removes bytes that belong to no recording: of posts that broke off, and of messages that were deleted meanwhile.

And has the rows mended whose bytes are gone.
"""

import asyncio
import contextlib
import logging
import re
from datetime import UTC, datetime, timedelta

from sqlalchemy import bindparam, select

from parlour.db import Database
from parlour.errors import Unavailable
from parlour.voice.intake import NAME_BYTES
from parlour.voice.missing import Changed, Inventory, mend_rows, named
from parlour.voice.models import Recording
from parlour.voice.recordings import rendition_of
from parlour.voice.store import Store

log = logging.getLogger(__name__)

OURS = re.compile(rf"[0-9a-f]{{{2 * NAME_BYTES}}}\.[a-z0-9]+")
UNKNOWN_AT_MOST = 10  # where there are more than known ones, too: then it is rather the store of another house
KNOWN = select(
    Recording.id,
    Recording.name,
    Recording.kind,
    Recording.size_bytes,
    Recording.rendition_bytes,
    Recording.preparing,
).where(Recording.name.in_(bindparam("names", expanding=True)))


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

    What bears no name that we give stays, whoever put it there. Raises Unavailable.
    """
    oldest = datetime.now(UTC) - timedelta(seconds=age_s)
    inventory = Inventory()
    unknown: list[str] = []
    scraps: list[str] = []
    kept = 0
    async for portion in store.listing():
        async with database.reading() as db:
            rows = await db.execute(KNOWN, {"names": sorted({_recording(found.name) for found in portion})})
            known = {row.name: row for row in rows}
        for found in portion:
            row = known.get(_recording(found.name))
            is_due = found.modified_at <= oldest and OURS.fullmatch(found.name)
            if not row:
                unknown += [found.name] if is_due else []
            elif found.name == f"{row.name}.{row.kind}":
                kept += 1
                if found.size == row.size_bytes:  # else it was cut, and cannot be heard
                    inventory.note(row.id, is_rendition=False)
            elif found.name == rendition_of(row.name) and (row.preparing or row.rendition_bytes is not None):
                if found.size == row.rendition_bytes:
                    inventory.note(row.id, is_rendition=True)
            elif is_due:  # of a rendition that was never finished
                scraps.append(found.name)
    if len(unknown) > max(kept, UNKNOWN_AT_MOST):
        log.error(
            "The store has %d recordings of which the database knows nothing, and %d of which it does. It is taken for "
            "the wrong one, and nothing is removed.",
            len(unknown),
            kept,
        )
        unknown = []
    await store.remove(*unknown, *scraps)
    if unknown or scraps:
        log.info("Removed from the store of recordings, since no message has them: %s.", named([*unknown, *scraps]))
    await store.remove_scraps(oldest)
    await mend_rows(database, store, inventory, oldest, changed)


def _recording(name: str) -> str:
    """The name that an object shares with the others of its recording."""
    return name.partition(".")[0]
