"""The one door through which messages are written: whatever waits is written together, in one transaction."""

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec
from sqlalchemy import Integer, Row, bindparam, case, insert, select, update

from parlour.conversations.memberships import Place
from parlour.conversations.models import Conversation, Membership
from parlour.db import Among, Database, Joined, Reading, Transaction
from parlour.errors import Unavailable
from parlour.events import ConversationChanged
from parlour.messages.history import Line
from parlour.messages.models import Message
from parlour.together import Arrivals
from parlour.voice.intake import Kept
from parlour.voice.recordings import Sound, keep

log = logging.getLogger(__name__)

GROUP_AT_MOST = 200  # messages in one transaction
GATHER_S = 0.015  # for so long a group waits for those who are on their way to it
WAITING_AT_MOST = 2_000  # beyond this, whoever posts is told to wait
RETRY_AFTER_S = 2
CONTINUES_WITHIN = timedelta(minutes=5)


class Draft(msgspec.Struct, frozen=True):
    """What somebody wants to say, and the one-time key of the form that they said it with."""

    conversation_id: int
    author_id: int
    author_name: str
    key: str
    text: str
    digest: bytes
    other_digests: tuple[bytes, ...]  # what the digest was under older keys
    recording: Kept | None = None


class Stored(msgspec.Struct, frozen=True):
    """A message that is committed; `again` where it had been posted before."""

    message_id: int
    revision: int
    again: bool


Waiting = tuple[Draft, asyncio.Future[Stored]]


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
        _refuse(self._waiting)

    async def post(self, place: Place, author_name: str, key: str, text: str) -> Stored:
        """Stores `text`, as `markup.normalise` made it. Raises Unavailable; it may be posted again, with its key."""
        return await self.store(self.draft(place, author_name, key, text))

    def draft(self, place: Place, author_name: str, key: str, text: str, sound_digest: bytes = b"") -> Draft:
        """What is to be stored; `sound_digest` names the bytes of the recording that comes with it."""
        posted = text.encode() + (b"\0" + sound_digest if sound_digest else b"")  # no text holds NUL
        digest, *older = (hmac.new(secret, posted, hashlib.sha256).digest() for secret in self._keys)
        return Draft(place.id, place.user_id, author_name, key, text, digest, tuple(older))

    async def knows(self, place: Place, key: str) -> bool:
        """Whether that person has posted anything there under that key before."""
        draft = self.draft(place, "", key, "")
        async with self._database.reading() as db:
            return (draft.author_id, draft.conversation_id, key) in await _find_posted(db, [draft])

    async def find(self, draft: Draft) -> Stored | None:
        """The message that this very draft was posted as before."""
        async with self._database.reading() as db:
            return _recognise(await _find_posted(db, [draft]), draft)

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
            # Whatever becomes of one group, the next one is written.
            for failure in await asyncio.gather(self._write(group), return_exceptions=True):
                if failure:
                    log.error("A group of %d messages was not stored.", len(group), exc_info=failure)
                    _refuse(group)

    async def _write(self, group: list[Waiting]) -> None:
        """Stores the group and answers everybody in it; where it cannot be stored, they all may try again."""
        if not group:
            return
        try:
            async with self._database.transaction() as db:
                results, lines = await write_group(db, [draft for draft, _ in group])
                db.once_committed(partial(self._committed, lines))
        except Unavailable:
            _refuse(group)
            return
        for (_, stored), result in zip(group, results, strict=True):
            if not stored.done():  # whoever asked may have gone
                stored.set_result(result)


def _refuse(group: list[Waiting]) -> None:
    for _, stored in group:
        if not stored.done():
            stored.set_exception(Unavailable(RETRY_AFTER_S))


async def write_group(db: Transaction, drafts: Sequence[Draft]) -> tuple[list[Stored], list[Line]]:
    """Writes the drafts in order; one that was posted before is found again instead.

    What became of each draft, and the messages that are new.
    """
    conversations = await _lock(db, {draft.conversation_id for draft in drafts})
    known = await _find_posted(db, drafts)
    now = datetime.now(UTC)
    fresh: dict[int, Fresh] = {}
    first_of: dict[tuple[int, int, str, bytes], int] = {}
    results: dict[int, Stored] = {}
    for index, draft in enumerate(drafts):
        identity = (draft.author_id, draft.conversation_id, draft.key, draft.digest)
        if again := _recognise(known, draft):
            results[index] = again
        elif identity in first_of:
            continue
        else:
            first_of[identity] = index
            fresh[index] = _next_row(conversations[draft.conversation_id], draft, now)
    lines: list[Line] = []
    if fresh:
        sounds = await _keep_recordings(db, drafts, fresh)
        written = await _write_rows(db, list(fresh.values()), conversations)
        for index, row in zip(fresh, written, strict=True):
            results[index] = Stored(row.id, row.revision, again=False)
            lines.append(_line(row.id, drafts[index], fresh[index], sounds.get(index)))
    for index, draft in enumerate(drafts):
        if index not in results:  # twice in this very group
            first = results[first_of[(draft.author_id, draft.conversation_id, draft.key, draft.digest)]]
            results[index] = Stored(first.message_id, first.revision, again=True)
    return [results[index] for index in range(len(drafts))], lines


class Fresh(msgspec.Struct):
    """The row of a new message, before it has an id."""

    conversation_id: int
    author_id: int
    seq: int
    posted_revision: int
    revision: int
    key: str
    digest: bytes
    text: str
    posted_at: datetime
    continues: bool
    opens_day: bool
    recording_id: int | None = None


class Tail(msgspec.Struct):
    """The end of a conversation, as it moves while a group is written."""

    revision: int
    last_seq: int
    last_author_id: int | None
    last_posted_at: datetime | None


# Built once: to build a statement costs more than to run it.
LOCK = Among(
    select(
        Conversation.id,
        Conversation.revision,
        Conversation.last_seq,
        Conversation.last_author_id,
        Conversation.last_posted_at,
    )
    .order_by(Conversation.id)
    .with_for_update(),
    Conversation.id,
)
POSTED = Among(
    select(
        Message.id, Message.author_id, Message.conversation_id, Message.key, Message.digest, Message.posted_revision
    ),
    # The key alone would do. A planner that has seen nothing of the table yet would read all of it for that.
    Message.key,
    Message.author_id,
    Message.conversation_id,
)
INSERT = (
    insert(Message)
    .values({name: bindparam(f"said_{name}") for name in Fresh.__struct_fields__})
    .returning(Message.id, Message.revision, sort_by_parameter_order=True)
)
MOVE_TAIL = (
    update(Conversation)
    .where(Conversation.id == bindparam("moved_id"))
    .values({name: bindparam(f"new_{name}") for name in Tail.__struct_fields__})
)
NOTHING_UNREAD = Membership.read_seq + Membership.uncounted == bindparam("before_seq", type_=Integer)
# What others said before it, and was not shown to the author, stays unread.
MOVE_MARK = (
    update(Membership)
    .where(Membership.conversation_id == bindparam("in_id"), Membership.user_id == bindparam("by_id"))
    .values(
        read_seq=case((NOTHING_UNREAD, bindparam("run_seq", type_=Integer)), else_=Membership.read_seq),
        uncounted=case(
            (NOTHING_UNREAD, bindparam("later", type_=Integer)),
            else_=Membership.uncounted + bindparam("own", type_=Integer),
        ),
    )
)
WRITE = Joined(INSERT, MOVE_TAIL, MOVE_MARK)


async def _lock(db: Transaction, conversation_ids: set[int]) -> dict[int, Tail]:
    """Takes the conversations' row locks, in one order everywhere so that no two transactions wait for each other."""
    rows = await db.execute(*LOCK.of(sorted(conversation_ids)))
    return {row.id: Tail(row.revision, row.last_seq, row.last_author_id, row.last_posted_at) for row in rows}


Posted = dict[tuple[int, int, str], list[tuple[bytes, Stored]]]


async def _find_posted(db: Reading, drafts: Sequence[Draft]) -> Posted:
    """What was posted before under one of these keys; asked with the lock held, so nobody posts it meanwhile."""
    asked = {(draft.key, draft.author_id, draft.conversation_id) for draft in drafts}
    rows = await db.execute(*POSTED.of(sorted(asked)))
    found: Posted = {}
    for row in rows:
        stored = Stored(row.id, row.posted_revision, again=True)
        found.setdefault((row.author_id, row.conversation_id, row.key), []).append((row.digest, stored))
    return found


def _recognise(known: Posted, draft: Draft) -> Stored | None:
    digests = (draft.digest, *draft.other_digests)
    posted = known.get((draft.author_id, draft.conversation_id, draft.key), [])
    return next((stored for digest, stored in posted if digest in digests), None)


def _next_row(tail: Tail, draft: Draft, now: datetime) -> Fresh:
    """The row of the next message, and the conversation's end moves on."""
    before = tail.last_posted_at
    opens_day = before is None or before.date() != now.date()
    goes_on = before is not None and draft.author_id == tail.last_author_id and now - before < CONTINUES_WITHIN
    tail.revision += 1
    tail.last_seq += 1
    tail.last_author_id, tail.last_posted_at = draft.author_id, now
    return Fresh(
        conversation_id=draft.conversation_id,
        author_id=draft.author_id,
        seq=tail.last_seq,
        posted_revision=tail.revision,
        revision=tail.revision,
        key=draft.key,
        digest=draft.digest,
        text=draft.text,
        posted_at=now,
        continues=goes_on and not opens_day,
        opens_day=opens_day,
    )


async def _keep_recordings(db: Transaction, drafts: Sequence[Draft], fresh: dict[int, Fresh]) -> dict[int, Sound]:
    """Writes the recordings of the new messages, if there are any; each by the index of its draft."""
    kept = {index: kept for index in fresh if (kept := drafts[index].recording)}
    if not kept:
        return {}
    sounds = dict(zip(kept, await keep(db, list(kept.values())), strict=True))
    for index, sound in sounds.items():
        fresh[index].recording_id = sound.id
    return sounds


def _line(message_id: int, draft: Draft, row: Fresh, sound: Sound | None) -> Line:
    """The new message as everybody will read it, without asking the database for what was just written."""
    return Line(
        id=message_id,
        conversation_id=row.conversation_id,
        seq=row.seq,
        posted_revision=row.posted_revision,
        revision=row.revision,
        author_id=row.author_id,
        author_name=draft.author_name,
        text=row.text,
        posted_at=row.posted_at,
        edited=False,
        continues=row.continues,
        opens_day=row.opens_day,
        key=row.key,
        recording=sound,
    )


async def _write_rows(db: Transaction, rows: list[Fresh], tails: dict[int, Tail]) -> Iterable[Row[tuple[object, ...]]]:
    """Writes the messages, the ends of their conversations and the read marks of those who spoke, and announces it.

    The ids of the messages, in order.
    """
    said: dict[tuple[int, int], list[int]] = {}
    for row in rows:
        said.setdefault((row.conversation_id, row.author_id), []).append(row.seq)
    changed = sorted({conversation_id for conversation_id, _ in said})
    written = await db.write(
        WRITE,
        [{f"said_{name}": getattr(row, name) for name in Fresh.__struct_fields__} for row in rows],
        [
            {"moved_id": moved} | {f"new_{name}": getattr(tails[moved], name) for name in Tail.__struct_fields__}
            for moved in changed
        ],
        [{"in_id": place, "by_id": author} | _own(seqs) for (place, author), seqs in sorted(said.items())],
    )
    for moved in changed:
        db.announce(ConversationChanged(moved, tails[moved].revision))
    return written


def _own(seqs: list[int]) -> dict[str, int]:
    """What somebody said in a group: from where on, to where without a word of others between, and how much later."""
    run = sum(seq == seqs[0] + index for index, seq in enumerate(seqs))
    return {"before_seq": seqs[0] - 1, "run_seq": seqs[0] + run - 1, "later": len(seqs) - run, "own": len(seqs)}
