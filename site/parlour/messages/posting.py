"""The one door through which messages are written: whatever waits is written together, in one transaction."""

import asyncio
import hashlib
import hmac
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from parlour.conversations.memberships import Place
from parlour.db import Database, Transaction
from parlour.errors import NotThere, Unavailable
from parlour.messages.history import Line
from parlour.messages.writing import Draft, Ends, Stored, Tail, Written, find_posted, recognise, write_group
from parlour.messages.writing_at_once import write_at_once
from parlour.together import Arrivals

log = logging.getLogger(__name__)

GROUP_AT_MOST = 200  # messages in one transaction
GATHER_S = 0.015  # for so long a group waits for those who are on their way to it
LANES = 4  # conversations that are written apart at the same time
WAITING_AT_MOST = 2_000  # beyond this, whoever posts is told to wait
RETRY_AFTER_S = 2


Waiting = tuple[Draft, asyncio.Future[Stored]]
Write = Callable[[Transaction, Sequence[Draft]], Awaitable[Written]]


class Posting:
    """Writes messages in groups. A message is committed when `post` returns."""

    def __init__(
        self,
        database: Database,
        keys: tuple[str, ...],
        committed: Callable[[list[Line]], None],
        arrivals: Arrivals,
    ) -> None:
        self._database = database
        self._arrivals = arrivals
        self._committed = committed  # hears of each group before anybody is answered or told
        self._keys = [hashlib.sha256(b"message digest " + key.encode()).digest() for key in keys]
        self._ends = Ends()
        self._places = asyncio.Semaphore(LANES)
        self._apart: defaultdict[int, list[Waiting]] = defaultdict(list)  # by conversation
        self._lanes: dict[int, asyncio.Task[None]] = {}
        self._waiting: list[Waiting] = []
        self._more = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._write_what_waits(), name="posting")

    async def stop(self) -> None:
        """Writes the group that waits, and refuses what comes after it; that may be posted again."""
        self._stopping = True
        self._more.set()
        if self._task:
            await self._task
        await asyncio.gather(*self._lanes.values())
        _refuse(self._waiting)

    async def post(self, place: Place, author_name: str, key: str, text: str) -> Stored:
        """Stores `text`, as `markup.normalise` made it. Raises Unavailable; it may be posted again, with its key."""
        return await self.store(self.draft(place, author_name, key, text))

    def draft(self, place: Place, author_name: str, key: str, text: str, sound_digest: bytes = b"") -> Draft:
        """What is to be stored; `sound_digest` names the bytes of the recording that comes with it."""
        posted = text.encode() + (b"\0" + sound_digest if sound_digest else b"")  # no text holds NUL
        digest, *older = (hmac.digest(secret, posted, "sha256") for secret in self._keys)
        end = Tail(place.revision, place.last_seq, place.last_author_id, place.last_posted_at)
        return Draft(place.id, end, place.user_id, author_name, key, text, digest, tuple(older))

    async def knows(self, place: Place, key: str) -> bool:
        """Whether that person has posted anything there under that key before."""
        draft = self.draft(place, "", key, "")
        async with self._database.reading() as db:
            return (draft.author_id, draft.conversation_id, key) in await find_posted(db, [draft])

    async def find(self, draft: Draft) -> Stored | None:
        """The message that this very draft was posted as before."""
        async with self._database.reading() as db:
            return recognise(await find_posted(db, [draft]), draft)

    async def store(self, draft: Draft) -> Stored:
        """Raises Unavailable; it may be posted again, with its key."""
        if self._stopping or len(self._waiting) >= WAITING_AT_MOST:
            raise Unavailable(RETRY_AFTER_S)
        stored: asyncio.Future[Stored] = asyncio.get_running_loop().create_future()
        self._waiting.append((draft, stored))
        self._more.set()
        return await stored

    async def _write_what_waits(self) -> None:
        while not self._stopping:
            await self._more.wait()
            # Where many post at once, fewer and larger groups cost everybody less than they wait.
            await self._arrivals.all_in(GATHER_S)
            group, self._waiting = self._waiting[:GROUP_AT_MOST], self._waiting[GROUP_AT_MOST:]
            if not self._waiting:
                self._more.clear()
            if not group:
                continue
            if self._database.is_sqlite:  # where one transaction writes at a time, whoever has begun it
                await self._write_locked(group)
            else:
                await self._write_at_once(group)

    async def _write_at_once(self, group: list[Waiting]) -> None:
        """Stores what can be stored without waiting for anybody's lock; the rest goes apart."""
        for waiting in await self._write_or_refuse(partial(write_at_once, ends=self._ends), group):
            self._apart[waiting[0].conversation_id].append(waiting)
        for conversation_id in self._apart.keys() - self._lanes.keys():
            lane = asyncio.create_task(self._write_apart(conversation_id), name="lane")
            self._lanes[conversation_id] = lane

    async def _write_apart(self, conversation_id: int) -> None:
        """Stores what waits for one conversation: whoever holds its lock holds up nobody else."""
        async with self._places:
            while group := self._apart[conversation_id]:
                self._apart[conversation_id] = group[GROUP_AT_MOST:]
                await self._write_locked(group[:GROUP_AT_MOST])
        del self._apart[conversation_id], self._lanes[conversation_id]

    async def _write_locked(self, group: list[Waiting]) -> None:
        for _, stored in await self._write_or_refuse(write_group, group):
            if not stored.done():
                stored.set_exception(NotThere())  # the conversation was removed meanwhile

    async def _write_or_refuse(self, write: Write, group: list[Waiting]) -> list[Waiting]:
        """Answers those whose messages are stored by that, and gives the others.

        Where it cannot be done, they all may try again; whatever becomes of one group, the next one is written.
        """
        [outcome] = await asyncio.gather(self._write_with(write, group), return_exceptions=True)
        if not isinstance(outcome, BaseException):
            return outcome
        if not isinstance(outcome, Unavailable):
            log.error("A group of %d messages was not stored.", len(group), exc_info=outcome)
        _refuse(group)
        return []

    async def _write_with(self, write: Write, group: list[Waiting]) -> list[Waiting]:
        async with self._database.transaction() as db:
            results, lines = await write(db, [draft for draft, _ in group])
            db.once_committed(partial(self._note, lines))
        left = []
        for waiting, result in zip(group, results, strict=True):
            if not result:
                left.append(waiting)
            elif not waiting[1].done():  # whoever asked may have gone
                waiting[1].set_result(result)
        return left

    def _note(self, lines: list[Line]) -> None:
        for line in lines:
            self._ends.note(line)
        if lines:
            self._committed(lines)


def _refuse(group: list[Waiting]) -> None:
    for _, stored in group:
        if not stored.done():
            stored.set_exception(Unavailable(RETRY_AFTER_S))
