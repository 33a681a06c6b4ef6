"""Moves the read marks, and keeps with each how many of the messages behind it are unread."""

from sqlalchemy import bindparam, func, select, update

from parlour.conversations.marks import settle
from parlour.conversations.memberships import MY_MARKS, Place
from parlour.conversations.models import Membership
from parlour.db import Often, Transaction
from parlour.events import MarksMoved, ReadMarkMoved
from parlour.messages.models import Message

# What is no news to a member: their own messages, and what is deleted.
NO_NEWS = Often(
    select(func.count().label("no_news")).where(
        Message.conversation_id == bindparam("conversation_id"),
        Message.seq > bindparam("after"),
        (Message.author_id == bindparam("user_id")) | Message.deleted_at.is_not(None),
    )
)

READ = ("delivered_seq", "receipt_seq", "unshown", "read_seq", "uncounted")
MOVE_READ = Often(
    update(Membership)
    .where(Membership.conversation_id == bindparam("in_id"), Membership.user_id == bindparam("by_id"))
    .values({name: bindparam(f"new_{name}") for name in READ})
)


async def read_up_to(db: Transaction, place: Place, seq: int) -> None:
    """Moves the read marks forward, never back; beyond the newest means the newest.

    Whether others may see it is decided now and for good, by whether everybody here gives receipts at this moment.
    """
    seq = min(seq, place.last_seq)
    mine = (await db.execute(MY_MARKS, {"conversation_id": place.id, "user_id": place.user_id})).one()
    receipt_seq, unshown = settle(mine.receipt_seq, mine.unshown, seq, shown=mine.all_give_receipts)
    if seq <= mine.read_seq and receipt_seq == mine.receipt_seq:
        return
    read_seq, uncounted = mine.read_seq, mine.uncounted
    if seq > read_seq:
        read_seq, uncounted = seq, await _count_no_news(db, place, seq) if uncounted else 0
    moved = (max(seq, mine.delivered_seq), receipt_seq, unshown, read_seq, uncounted)
    new = {f"new_{name}": value for name, value in zip(READ, moved, strict=True)}
    await db.execute(MOVE_READ, {"in_id": place.id, "by_id": place.user_id} | new)
    if seq > mine.read_seq:
        db.announce(ReadMarkMoved(place.id, place.user_id))
    db.announce(MarksMoved(place.id))


async def mark_unread(db: Transaction, place: Place, seq: int) -> None:
    """Takes the read mark back to before `seq`, for the member alone: others see no less than before."""
    mine = (await db.execute(MY_MARKS, {"conversation_id": place.id, "user_id": place.user_id})).one()
    if mine.read_seq < seq:
        return
    await db.execute(
        update(Membership)
        .where(Membership.conversation_id == place.id, Membership.user_id == place.user_id)
        .values(read_seq=seq - 1, uncounted=await _count_no_news(db, place, seq - 1))
    )
    db.announce(ReadMarkMoved(place.id, place.user_id))


async def note_deleted(db: Transaction, conversation_id: int, author_id: int, seq: int) -> None:
    """What is deleted is not unread any more; to its author it never was."""
    unread = (Membership.user_id != author_id) & (Membership.read_seq < seq)
    await db.execute(
        update(Membership)
        .where(Membership.conversation_id == conversation_id, unread)
        .values(uncounted=Membership.uncounted + 1)
    )


async def _count_no_news(db: Transaction, place: Place, after: int) -> int:
    """How much behind that place is no news to the member; asked with their row locked, so it stays true."""
    asked = {"conversation_id": place.id, "user_id": place.user_id, "after": after}
    return int((await db.execute(NO_NEWS, asked)).one().no_news)
