"""How far each member of a conversation has been told and has read, and what of that the others may see."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

import msgspec
from sqlalchemy import Row, bindparam, select, update

from parlour.accounts.models import User
from parlour.conversations.models import Conversation, Membership
from parlour.db import Among, Often, Reading, Transaction, portions
from parlour.events import MarksMoved

SENT, DELIVERED, READ, PLAYED = "Sent", "Delivered", "Read", "Played"
UNSHOWN_LIMIT = 500  # characters, as wide as the column

Span = tuple[int, int]


class Marks(msgspec.Struct, frozen=True):
    """What somebody may know of the others: how far they were told, and have read, apart from what stays unshown."""

    delivered: int = 0
    read: int = 0
    unshown: str = ""

    def state_of(self, seq: int) -> str:
        """How far one's own message of that place has come."""
        if seq <= self.read and not stays_unshown(self.unshown, seq):
            return READ
        return DELIVERED if seq <= self.delivered else SENT


class Standing(msgspec.Struct, frozen=True):
    """A member as the conversation knows them: their marks, and what they show of themselves."""

    user_id: int
    name: str
    delivered_seq: int
    receipt_seq: int
    unshown: str
    shows_online: bool
    shows_typing: bool
    last_seen_at: datetime | None


Standings = Mapping[int, Standing]  # by the member's id

STANDINGS = Among(
    select(
        Membership.conversation_id,
        Membership.user_id,
        User.name,
        Membership.delivered_seq,
        Membership.receipt_seq,
        Membership.unshown,
        User.shows_online,
        User.shows_typing,
        User.last_seen_at,
    ).join(User, User.id == Membership.user_id),
    Membership.conversation_id,
)
UNDELIVERED = Among(
    select(Membership.conversation_id, Membership.user_id, Membership.delivered_seq, Conversation.last_seq)
    .join(Conversation, Conversation.id == Membership.conversation_id)
    .where(Membership.delivered_seq < Conversation.last_seq),
    Membership.conversation_id,
)
MOVE_DELIVERED = Often(
    update(Membership)
    .where(
        Membership.conversation_id == bindparam("in_id"),
        Membership.user_id == bindparam("to_id"),
        Membership.delivered_seq < bindparam("up_to"),
    )
    .values(delivered_seq=bindparam("up_to"))
)


async def read_standings(db: Reading, conversation_id: int) -> Standings:
    """Every member of a conversation."""
    return (await read_many_standings(db, [conversation_id]))[conversation_id]


async def read_many_standings(db: Reading, conversation_ids: Collection[int]) -> dict[int, Standings]:
    """Every member of each of these conversations, by its id."""
    found: dict[int, dict[int, Standing]] = {conversation_id: {} for conversation_id in conversation_ids}
    for portion in portions(conversation_ids):
        for row in await db.execute(*STANDINGS.of(portion)):
            found[row.conversation_id][row.user_id] = _standing(row)
    return {**found}


def marks_for(standings: Standings, viewer_id: int) -> Marks:
    """What this member may know of the others: what has come to all of them, and what all of them have read."""
    others = [each for each in standings.values() if each.user_id != viewer_id]
    if not others:
        return Marks()
    shown = [visible(each.receipt_seq, each.unshown) for each in others]
    unshown = " ".join(unshown for _, unshown in shown if unshown)
    return Marks(min(each.delivered_seq for each in others), min(read for read, _ in shown), unshown)


def settle(receipt_seq: int, unshown: str, seq: int, *, shown: bool) -> tuple[int, str]:
    """Both after everything up to `seq` was read; what is settled already stays as it is."""
    if seq <= receipt_seq:
        return receipt_seq, unshown
    if shown:
        return seq, unshown
    spans = _spans(unshown)
    first = receipt_seq + 1
    if spans and spans[-1][1] == receipt_seq:
        first = spans.pop()[0]
    spans.append((first, seq))
    # Where there are too many, what lies between the oldest two stays unshown as well; never less than was promised.
    while len(text := _written(spans)) > UNSHOWN_LIMIT:
        spans[:2] = [(spans[0][0], spans[1][1])]
    return seq, text


def visible(receipt_seq: int, unshown: str) -> tuple[int, str]:
    """What of these others may see: nobody can tell what was read unseen from what was not read."""
    spans = _spans(unshown)
    if spans and spans[-1][1] == receipt_seq:
        receipt_seq = spans.pop()[0] - 1
    return receipt_seq, _written(spans)


def stays_unshown(unshown: str, seq: int) -> bool:
    """Whether the message of that place was read without receipts."""
    return any(first <= seq <= last for first, last in _spans(unshown))


async def deliver(db: Transaction, came: Mapping[Span, int]) -> None:
    """Notes up to which place something came to a page, by conversation and user; what is no member's is ignored."""
    known = await db.execute(*UNDELIVERED.of(sorted({place for place, _ in came})))
    moved = [
        {"in_id": row.conversation_id, "to_id": row.user_id, "up_to": seq}
        for row in known
        if (seq := min(came.get((row.conversation_id, row.user_id), 0), row.last_seq)) > row.delivered_seq
    ]
    if not moved:
        return
    await db.execute(MOVE_DELIVERED, sorted(moved, key=lambda each: (each["in_id"], each["to_id"])))
    for conversation_id in {each["in_id"] for each in moved}:
        db.announce(MarksMoved(conversation_id))


def _spans(text: str) -> list[Span]:
    pairs = (span.split("-") for span in text.split())
    return [(int(first), int(last)) for first, last in pairs]


def _written(spans: Iterable[Span]) -> str:
    return " ".join(f"{first}-{last}" for first, last in spans)


def _standing(row: Row[tuple[object, ...]]) -> Standing:
    return Standing(
        row.user_id,
        row.name,
        row.delivered_seq,
        row.receipt_seq,
        row.unshown,
        row.shows_online,
        row.shows_typing,
        row.last_seen_at,
    )
