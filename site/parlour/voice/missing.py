"""Finds the recordings whose bytes somebody removed from the store, and those that are there again.

A store that does not answer has lost nothing, and neither has one of which nothing is left but what came lately.
"""

import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Row, bindparam, select, update

from parlour.db import Database, Transaction
from parlour.errors import NotThere
from parlour.voice.formats import NEEDS_RENDITION
from parlour.voice.models import Recording
from parlour.voice.recordings import rendition_of
from parlour.voice.store import Store

log = logging.getLogger(__name__)

ROWS_AT_ONCE = 1_000
LOST_AT_MOST = 10  # where nothing older is left: then it is rather a disk that is not mounted
NAMED_AT_MOST = 20  # in one line of the log
ORIGINAL, RENDITION = 1, 2

Changed = Callable[[Transaction, int], Awaitable[None]]
OLD_ENOUGH = (
    select(
        Recording.id,
        Recording.name,
        Recording.kind,
        Recording.size_bytes,
        Recording.rendition_bytes,
        Recording.preparing,
        Recording.missing,
    )
    .where(Recording.id > bindparam("after"), Recording.created_at <= bindparam("oldest"))
    .order_by(Recording.id)
    .limit(ROWS_AT_ONCE)
)


class Inventory:
    """What is in the store of which recording: one byte for each, so that a million of them are one mebibyte."""

    def __init__(self) -> None:
        self._found = bytearray()

    def note(self, recording_id: int, *, is_rendition: bool) -> None:
        self._found.extend(bytes(max(0, recording_id + 1 - len(self._found))))
        self._found[recording_id] |= RENDITION if is_rendition else ORIGINAL

    def has(self, recording_id: int, part: int) -> bool:
        return recording_id < len(self._found) and bool(self._found[recording_id] & part)

    def shows_another_store(self, lost: Sequence[int]) -> bool:
        """Whether it has fewer than these, which it lost, and all of them newer: a place that was begun lately."""
        found = sum(bool(parts & ORIGINAL) for parts in self._found)
        return len(lost) > max(found, LOST_AT_MOST) and not any(self._found[: max(lost)])


class Mending(msgspec.Struct, frozen=True):
    """A row that does not say what is in the store, and what it is to say."""

    id: int
    name: str
    gone: str  # the object that was not found whole, if it is about one
    size: int  # which it should have
    missing: bool
    preparing: bool
    values: dict[str, bool | int | None]


async def mend_rows(database: Database, store: Store, inventory: Inventory, oldest: datetime, changed: Changed) -> None:
    """Makes each row say what the store has; `changed` hears of it in the same transaction. Raises Unavailable."""
    due = [mending async for row in _rows(database, oldest) if (mending := _compare(row, inventory))]
    originals = [mending.id for mending in due if mending.values.get("missing")]
    if inventory.shows_another_store(originals):
        log.error(
            "The store has none of %d recordings. It is taken for the wrong one, and they for kept.", len(originals)
        )
        return
    lost: list[str] = []
    found: list[str] = []
    for mending in due:
        if (not mending.gone or await _is_gone(store, mending)) and await _mend(database, mending, changed):
            (lost if mending.gone else found).append(mending.gone or mending.name)
    if lost:
        log.error(
            "These are not in the store of recordings any more, or not whole, and cannot be heard: %s.", named(lost)
        )
    if found:
        log.warning("These are in the store of recordings again: %s.", named(found))


async def _rows(database: Database, oldest: datetime) -> AsyncIterator[Row[tuple[object, ...]]]:
    after = 0
    while True:
        async with database.reading() as db:
            rows = (await db.execute(OLD_ENOUGH, {"after": after, "oldest": oldest})).all()
        for row in rows:
            yield row
        if len(rows) < ROWS_AT_ONCE:
            return
        after = rows[-1].id


def _compare(row: Row[tuple[object, ...]], inventory: Inventory) -> Mending | None:
    """What is to be mended; the second rendition of what is there can be made again."""
    original, rendition = inventory.has(row.id, ORIGINAL), inventory.has(row.id, RENDITION)
    can_render = original and row.kind in NEEDS_RENDITION
    values: dict[str, bool | int | None] = {}
    gone, size = "", 0
    if row.rendition_bytes is not None and not rendition:
        gone, size = rendition_of(row.name), row.rendition_bytes
        values = {"rendition_bytes": None, "preparing": can_render, "tries": 0}
    if original == row.missing:
        gone, size = ("", 0) if original else (f"{row.name}.{row.kind}", row.size_bytes)
        if original and row.rendition_bytes is None:
            values |= {"preparing": can_render, "tries": 0}
        values["missing"] = not original
    return Mending(row.id, row.name, gone, size, row.missing, row.preparing, values) if values else None


async def _is_gone(store: Store, mending: Mending) -> bool:
    """Whether it is still so, now that one asks for it alone."""
    try:
        return await store.size(mending.gone) != mending.size
    except NotThere:
        return True


async def _mend(database: Database, mending: Mending, changed: Changed) -> bool:
    """Whether the row was still as it had been read, and nobody else has mended it."""
    as_read = (
        Recording.id == mending.id,
        Recording.missing.is_(mending.missing),
        Recording.preparing.is_(mending.preparing),
    )
    with contextlib.suppress(NotThere):  # also where its message is deleted at this moment
        async with database.transaction() as writing:
            await changed(writing, mending.id)  # first, as a deletion does: its lock comes before the recording's
            done = await writing.execute(
                update(Recording).where(*as_read).values(mending.values).returning(Recording.id)
            )
            if not done.all():
                raise NotThere
        return True
    return False


def named(names: Sequence[str]) -> str:
    """As many of them as one line of the log should hold."""
    more = len(names) - NAMED_AT_MOST
    return ", ".join(names[:NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")
