"""The gate: a conversation is loaded through the viewer's own membership, or it is not there."""

from datetime import datetime

import msgspec
from sqlalchemy import bindparam, func, select, update

from parlour.accounts.models import User
from parlour.conversations.models import Conversation, Membership
from parlour.db import Reading, Transaction
from parlour.errors import NotThere
from parlour.events import ReadMarkMoved

OTHER = Membership.__table__.alias("other")

THROUGH_THE_GATE = (
    select(
        Conversation.id,
        Conversation.revision,
        Conversation.last_seq,
        Membership.read_seq,
        Membership.receipt_seq,
        Membership.gives_receipts,
        Membership.muted_until,
        User.id.label("other_id"),
        User.name.label("other_name"),
    )
    .join(Membership, Membership.conversation_id == Conversation.id)
    .outerjoin(OTHER, (OTHER.c.conversation_id == Conversation.id) & (OTHER.c.user_id != Membership.user_id))
    # In notes there is nobody else, and one talks with oneself.
    .join(User, User.id == func.coalesce(OTHER.c.user_id, Membership.user_id))
    .where(Conversation.id == bindparam("conversation_id"), Membership.user_id == bindparam("user_id"))
)


class Place(msgspec.Struct, frozen=True):
    """A conversation as one of its members stands in it."""

    id: int
    user_id: int
    revision: int
    last_seq: int
    read_seq: int
    other_id: int
    name: str  # the other's name; one's own for notes
    receipt_seq: int = 0
    gives_receipts: bool = True
    muted_until: datetime | None = None

    @property
    def notes(self) -> bool:
        return self.other_id == self.user_id


async def enter(db: Reading, user_id: int, conversation_id: int) -> Place:
    """The conversation, as that user stands in it. Raises NotThere where it is not, or not theirs."""
    row = (await db.execute(THROUGH_THE_GATE, {"user_id": user_id, "conversation_id": conversation_id})).one_or_none()
    if not row:
        raise NotThere
    return Place(
        id=row.id,
        user_id=user_id,
        revision=row.revision,
        last_seq=row.last_seq,
        read_seq=row.read_seq,
        receipt_seq=row.receipt_seq,
        gives_receipts=row.gives_receipts,
        muted_until=row.muted_until,
        other_id=row.other_id,
        name=row.other_name,
    )


async def read_up_to(db: Transaction, place: Place, seq: int) -> bool:
    """Moves the read mark forward, never back; beyond the newest means the newest. Whether it moved."""
    seq = min(seq, place.last_seq)
    moved = await db.execute(
        update(Membership)
        .where(Membership.conversation_id == place.id, Membership.user_id == place.user_id, Membership.read_seq < seq)
        .values(read_seq=seq)
        .returning(Membership.user_id)
    )
    if not moved.all():
        return False
    db.announce(ReadMarkMoved(place.id, place.user_id))
    return True
