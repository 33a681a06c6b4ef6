"""Writes messages: their rows, the ends of their conversations and the read marks of those who spoke."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import ColumnElement, Integer, Row, bindparam, case, insert, select, update

from parlour.conversations.models import Conversation, Membership
from parlour.db import Among, Often, Reading, Transaction
from parlour.events import ConversationChanged
from parlour.messages.history import Line
from parlour.messages.models import Message
from parlour.voice.intake import Kept
from parlour.voice.recordings import Sound, keep

Number = ColumnElement[int]

CONTINUES_WITHIN = timedelta(minutes=5)
ENDS_KNOWN = 10_000


class Tail(msgspec.Struct):
    """The end of a conversation, as it moves while something is written."""

    revision: int
    last_seq: int
    last_author_id: int | None
    last_posted_at: datetime | None


class Draft(msgspec.Struct, frozen=True):
    """What somebody wants to say, and the one-time key of the form that they said it with."""

    conversation_id: int
    end: Tail  # of the conversation, when the author was let in
    author_id: int
    author_name: str
    key: str
    text: str
    digest: bytes
    other_digests: tuple[bytes, ...]  # what the digest was under older keys
    recording: Kept | None = None

    @property
    def digests(self) -> tuple[bytes, ...]:
        """Any of which a retry may have been stored with."""
        return self.digest, *self.other_digests


class Stored(msgspec.Struct, frozen=True):
    """A message that is committed; `again` where it had been posted before."""

    message_id: int
    revision: int
    again: bool


class Ends:
    """Where conversations end, as far as this process knows.

    That is where they ended when it wrote to them last, or when it let somebody in since: right, unless another one has
    written meanwhile.
    """

    def __init__(self) -> None:
        self._tails: OrderedDict[int, Tail] = OrderedDict()

    def note(self, line: Line) -> None:
        """This message is committed, and the last one of its conversation."""
        self._tails[line.conversation_id] = Tail(line.revision, line.seq, line.author_id, line.posted_at)
        self._tails.move_to_end(line.conversation_id)
        if len(self._tails) > ENDS_KNOWN:
            self._tails.popitem(last=False)

    def guess(self, drafts: Sequence[Draft]) -> dict[int, Tail]:
        """Where the drafts' conversations end, most likely."""
        tails: dict[int, Tail] = {}
        for draft in drafts:
            place = draft.conversation_id
            known = [end for end in (self._tails.get(place), tails.get(place), draft.end) if end]
            tails[place] = max(known, key=lambda end: end.revision)
        return {place: msgspec.structs.replace(tail) for place, tail in sorted(tails.items())}


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


Posted = dict[tuple[int, int, str], list[tuple[bytes, Stored]]]


# What became of each draft, None where it was not written; and the messages that are new.
Written = tuple[list[Stored | None], list[Line]]


class Group:
    """Drafts that are written together, and the rows that they become."""

    def __init__(self, drafts: Sequence[Draft], tails: Mapping[int, Tail], known: Posted) -> None:
        self.drafts = drafts
        self.tails = tails
        self.fresh: dict[int, Fresh] = {}  # by the index of the draft
        self.lines: list[Line] = []
        self._stored: dict[int, Stored] = {}
        self._twice: dict[int, int] = {}  # in this very group, and where it comes first
        now = datetime.now(UTC)
        first_of: dict[tuple[int, int, str, bytes], int] = {}
        for index, draft in enumerate(drafts):
            identity = (draft.author_id, draft.conversation_id, draft.key, draft.digest)
            if draft.conversation_id not in tails:
                continue
            if again := recognise(known, draft):
                self._stored[index] = again
            elif identity in first_of:
                self._twice[index] = first_of[identity]
            else:
                first_of[identity] = index
                self.fresh[index] = _next_row(tails[draft.conversation_id], draft, now)

    @property
    def said(self) -> dict[tuple[int, int], list[int]]:
        """The places of what is new, by conversation and author; in the order in which rows are changed everywhere."""
        said: dict[tuple[int, int], list[int]] = {}
        for row in self.fresh.values():
            said.setdefault((row.conversation_id, row.author_id), []).append(row.seq)
        return dict(sorted(said.items()))

    def is_written(self, index: int, message_id: int, sound: Sound | None = None) -> None:
        """This draft is a message now."""
        row = self.fresh[index]
        self._stored[index] = Stored(message_id, row.revision, again=False)
        self.lines.append(_line(message_id, self.drafts[index], row, sound))

    @property
    def results(self) -> list[Stored | None]:
        """What became of each draft; None where it was not written, as where there is no such conversation."""
        for index, first in self._twice.items():
            if stored := self._stored.get(first):
                self._stored[index] = msgspec.structs.replace(stored, again=True)
        return [self._stored.get(index) for index in range(len(self.drafts))]


async def write_group(db: Transaction, drafts: Sequence[Draft]) -> Written:
    """Writes the drafts in order; one that was posted before is found again instead."""
    tails = await _lock(db, {draft.conversation_id for draft in drafts})
    group = Group(drafts, tails, await find_posted(db, drafts))
    if group.fresh:
        sounds = await _keep_recordings(db, group)
        for index, row in zip(group.fresh, await _write_rows(db, group), strict=True):
            group.is_written(index, row.id, sounds.get(index))
    return group.results, group.lines


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
INSERT = Often(
    insert(Message)
    .values({name: bindparam(f"said_{name}") for name in Fresh.__struct_fields__})
    .returning(Message.id, Message.revision, sort_by_parameter_order=True)
)
MOVE_TAIL = Often(
    update(Conversation)
    .where(Conversation.id == bindparam("moved_id"))
    .values({name: bindparam(f"new_{name}") for name in Tail.__struct_fields__})
)


def moved_mark(before_seq: Number, run_seq: Number, later: Number, own: Number) -> dict[str, Number]:
    """The author's mark behind what they said themselves; what others said before it, and they were not shown, stays
    unread."""
    nothing_unread = Membership.read_seq + Membership.uncounted == before_seq
    return {
        "read_seq": case((nothing_unread, run_seq), else_=Membership.read_seq),
        "uncounted": case((nothing_unread, later), else_=Membership.uncounted + own),
    }


MOVE_MARK = Often(
    update(Membership)
    .where(Membership.conversation_id == bindparam("in_id"), Membership.user_id == bindparam("by_id"))
    .values(moved_mark(*[bindparam(name, type_=Integer) for name in ("before_seq", "run_seq", "later", "own")]))
)


async def _lock(db: Transaction, conversation_ids: set[int]) -> dict[int, Tail]:
    """Takes the conversations' row locks, in one order everywhere so that no two transactions wait for each other."""
    rows = await db.execute(*LOCK.of(sorted(conversation_ids)))
    return {row.id: Tail(row.revision, row.last_seq, row.last_author_id, row.last_posted_at) for row in rows}


async def find_posted(db: Reading, drafts: Sequence[Draft]) -> Posted:
    """What was posted before under one of these keys; asked with the lock held, so nobody posts it meanwhile."""
    asked = {(draft.key, draft.author_id, draft.conversation_id) for draft in drafts}
    rows = await db.execute(*POSTED.of(sorted(asked)))
    found: Posted = {}
    for row in rows:
        stored = Stored(row.id, row.posted_revision, again=True)
        found.setdefault((row.author_id, row.conversation_id, row.key), []).append((row.digest, stored))
    return found


def recognise(known: Posted, draft: Draft) -> Stored | None:
    """The message that this very draft was posted as."""
    posted = known.get((draft.author_id, draft.conversation_id, draft.key), [])
    return next((stored for digest, stored in posted if digest in draft.digests), None)


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


async def _keep_recordings(db: Transaction, group: Group) -> dict[int, Sound]:
    """Writes the recordings of the new messages, if there are any; each by the index of its draft."""
    kept = {index: kept for index in group.fresh if (kept := group.drafts[index].recording)}
    if not kept:
        return {}
    sounds = dict(zip(kept, await keep(db, list(kept.values())), strict=True))
    for index, sound in sounds.items():
        group.fresh[index].recording_id = sound.id
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


async def _write_rows(db: Transaction, group: Group) -> Iterable[Row[tuple[object, ...]]]:
    """Writes the messages, the ends of their conversations and the read marks of those who spoke, and announces it.

    The ids of the messages, in order.
    """
    rows, said = group.fresh.values(), group.said
    changed = {conversation_id: group.tails[conversation_id] for conversation_id, _ in said}
    written = await db.execute(
        INSERT, [{f"said_{name}": getattr(row, name) for name in Fresh.__struct_fields__} for row in rows]
    )
    await db.execute(
        MOVE_TAIL,
        [
            {"moved_id": moved} | {f"new_{name}": getattr(tail, name) for name in Tail.__struct_fields__}
            for moved, tail in changed.items()
        ],
    )
    await db.execute(
        MOVE_MARK, [{"in_id": place, "by_id": author} | own(seqs) for (place, author), seqs in said.items()]
    )
    for moved, tail in changed.items():
        db.announce(ConversationChanged(moved, tail.revision))
    return written


def own(seqs: list[int]) -> dict[str, int]:
    """What somebody said in a group: from where on, to where without a word of others between, and how much later."""
    run = sum(seq == seqs[0] + index for index, seq in enumerate(seqs))
    return {"before_seq": seqs[0] - 1, "run_seq": seqs[0] + run - 1, "later": len(seqs) - run, "own": len(seqs)}
