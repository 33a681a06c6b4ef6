"""Makes second renditions while nobody waits; whatever is not finished is taken up again, also after a restart."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from sqlalchemy import bindparam, select, update

from parlour.db import Database, Often, Reading, Transaction
from parlour.errors import NotThere, Unavailable
from parlour.pace import RightOfWay
from parlour.voice.formats import Kind
from parlour.voice.intake import file_for_voice
from parlour.voice.models import Recording
from parlour.voice.recordings import rendition_of
from parlour.voice.store import Store
from parlour.voice.workshop import NoRecording, Workshop

log = logging.getLogger(__name__)

AT_ONCE = 2  # one is fetched or kept while another is rendered
TRIES_AT_MOST = 3
RENEW_EVERY_S = 5.0
TAKEN_FOR = timedelta(seconds=20)  # then whoever took one and says no more of it is gone
LOOK_EVERY_S = 10.0
WAITING_AT_MOST = 1_000  # of the recordings that wait, so many are looked at for whose turn it is

# Written once, since they run for each recording while others wait for their texts.
FREE = Recording.preparing & (Recording.taken_at.is_(None) | (Recording.taken_at < bindparam("long_ago")))
WAITING = Often(select(Recording.id).where(FREE).order_by(Recording.id).limit(WAITING_AT_MOST))
TAKE = Often(
    update(Recording)
    .where(Recording.id == bindparam("chosen"), FREE)
    .values(taken_at=bindparam("now"), tries=Recording.tries + 1)
    .returning(Recording.id, Recording.name, Recording.kind, Recording.tries)
)
HOLD = Often(
    update(Recording).where(Recording.id == bindparam("held"), Recording.preparing).values(taken_at=bindparam("now"))
)
THERE = Often(select(Recording.id).where(Recording.id == bindparam("wanted")))
FINISH = Often(
    update(Recording)
    .where(Recording.id == bindparam("prepared"), Recording.preparing)
    .values(preparing=False, rendition_bytes=bindparam("size"))
    .returning(Recording.id)
)

Changed = Callable[[Transaction, int], Awaitable[None]]
FindSpeakers = Callable[[Reading, Sequence[int]], Awaitable[Mapping[int, int]]]


class Task(msgspec.Struct, frozen=True):
    """A recording whose rendition is to be made."""

    id: int
    name: str
    kind: Kind
    tries: int


class Preparing:
    """The rows that are preparing are the queue; so it is bounded by what was posted, and no restart forgets it.

    People take turns: whoever has said one thing does not wait for all that somebody else has said.
    """

    def __init__(
        self,
        database: Database,
        workshop: Workshop,
        store: Store,
        folder: Path,
        changed: Changed,
        find_speakers: FindSpeakers,
        way: RightOfWay,
    ) -> None:
        self._way = way
        self._database = database
        self._workshop = workshop
        self._store = store
        self._folder = folder
        self._changed = changed  # told, in the same transaction, of the recording that is ready
        self._find_speakers = find_speakers
        self._turns = 0
        self._last: dict[int, int] = {}  # which turn was the last one of each person who waits
        self._taking = asyncio.Lock()
        self._more = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Takes up what an earlier process left; at once where nobody else can be at it."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._database.is_sqlite:
            async with self._database.transaction() as db:
                await db.execute(update(Recording).where(Recording.preparing).values(taken_at=None))
        self._tasks = [asyncio.create_task(self._work(), name=f"preparing {number}") for number in range(AT_ONCE)]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def wake(self) -> None:
        """There may be something new to prepare."""
        self._more.set()

    async def _work(self) -> None:
        while True:
            self._more.clear()
            # Whatever becomes of one recording, the next one is prepared.
            [outcome] = await asyncio.gather(self._prepare_next(), return_exceptions=True)
            if outcome is True:
                continue
            if isinstance(outcome, Unavailable):
                log.warning("Recordings cannot be prepared just now; it is tried again.")
            elif isinstance(outcome, BaseException):
                log.error("A recording was not prepared.", exc_info=outcome)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._more.wait()

    async def _prepare_next(self) -> bool:
        """Whether there was one."""
        task = await self._take()
        if task:
            holding = asyncio.create_task(self._hold(task), name="holding")
            try:
                await self._prepare(task)
            finally:
                holding.cancel()
        return task is not None

    async def _hold(self, task: Task) -> None:
        """Says now and then that it is still taken."""
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            with contextlib.suppress(Unavailable):
                async with self._database.transaction() as db:
                    await db.execute(HOLD, {"held": task.id, "now": datetime.now(UTC)})

    async def _take(self) -> Task | None:
        """The recording whose turn it is; nobody else takes it for a while."""
        async with self._taking:
            await self._way.give_way()
            now = datetime.now(UTC)
            long_ago = now - TAKEN_FOR
            while chosen := await self._choose(long_ago):
                async with self._database.transaction() as writing:
                    taken = await writing.execute(TAKE, {"chosen": chosen, "long_ago": long_ago, "now": now})
                    row = taken.one_or_none()
                if row:  # another process may have been faster
                    return Task(row.id, row.name, Kind(row.kind), row.tries)
        return None

    async def _choose(self, long_ago: datetime) -> int | None:
        """The oldest recording of whoever has not had a turn for longest."""
        async with self._database.reading() as db:
            ids: list[int] = [row.id for row in await db.execute(WAITING, {"long_ago": long_ago})]
            speakers = await self._find_speakers(db, ids) if ids else {}
        if not ids:
            return None
        last = {who: self._last.get(who, 0) for who in speakers.values()}
        chosen = min(ids, key=lambda each: (last.get(speakers.get(each, 0), 0), each))
        self._turns += 1
        self._last = last | {speakers.get(chosen, 0): self._turns}
        return chosen

    async def _prepare(self, task: Task) -> None:
        try:
            size = await self._render(task)
        except (NoRecording, NotThere):
            if task.tries >= TRIES_AT_MOST:  # then it is heard as it came
                await self._finish(task, None)
            else:
                await self._leave(task, task.tries)
        except Unavailable:
            await self._leave(task, task.tries - 1)  # nobody can say that it was tried
            raise
        else:
            await self._finish(task, size)

    async def _render(self, task: Task) -> int:
        """Puts the rendition in the store; its size in bytes."""
        name = f"{task.name}.{task.kind}"
        await self._way.give_way()
        async with self._store.lent(name, self._folder) as source, file_for_voice(self._folder) as target:
            await self._workshop.render(task.kind, source, target)
            await self._store.put(rendition_of(task.name), target)
            return target.seek(0, os.SEEK_END)

    async def _finish(self, task: Task, rendition_bytes: int | None) -> None:
        await self._way.give_way()
        # Where another process was faster, this is the same rendition, and stays; but nothing is told twice.
        with contextlib.suppress(NotThere):
            async with self._database.transaction() as db:
                await self._changed(db, task.id)  # first, as a deletion does: its lock comes before the recording's
                done = await db.execute(FINISH, {"prepared": task.id, "size": rendition_bytes})
                if not done.all():
                    raise NotThere  # to be prepared
            return
        async with self._database.reading() as db:
            still_there = bool((await db.execute(THERE, {"wanted": task.id})).all())
        if not still_there and rendition_bytes is not None:  # its message was deleted meanwhile
            await self._store.remove(rendition_of(task.name))

    async def _leave(self, task: Task, tries: int) -> None:
        """Lets it be taken again."""
        async with self._database.transaction() as db:
            await db.execute(update(Recording).where(Recording.id == task.id).values(taken_at=None, tries=tries))
