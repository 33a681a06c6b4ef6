"""The gate: a conversation is loaded through the viewer's own membership, or it is not there."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, Row, bindparam, exists, func, select

from parlour.accounts.models import Session, User
from parlour.accounts.sessions import SESSION_COLUMNS, AtHome, SessionFound
from parlour.conversations.models import Conversation, Membership
from parlour.db import Among, Database, Often, Reading
from parlour.errors import NotThere
from parlour.together import Together

OTHER = Membership.__table__.alias("other")

PLACES = (
    select(
        Conversation.id,
        Membership.user_id,
        Conversation.revision,
        Conversation.last_seq,
        Conversation.last_author_id,
        Conversation.last_posted_at,
        Membership.read_seq,
        Membership.uncounted,
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
)
THROUGH_THE_GATE = Among(PLACES, Membership.conversation_id, Membership.user_id)
VIEWER = User.__table__.alias("viewer")
FROM_THE_STREET = Among(
    PLACES.add_columns(*SESSION_COLUMNS, VIEWER.c.name, VIEWER.c.notifications_show)
    .join(VIEWER, VIEWER.c.id == Membership.user_id)
    .join(Session, Session.user_id == Membership.user_id),
    Session.token_digest,
    Membership.conversation_id,
)

UNREAD: ColumnElement[int] = Conversation.last_seq - Membership.read_seq - Membership.uncounted
UNREAD_IN_ALL = Often(
    select(func.sum(UNREAD).label("unread"))
    .join_from(Membership, Conversation, Conversation.id == Membership.conversation_id)
    .where(Membership.user_id == bindparam("user_id"))
)
HIDES_READING = (
    exists()
    .where(
        OTHER.c.conversation_id == Membership.conversation_id,
        User.id == OTHER.c.user_id,
        ~(OTHER.c.gives_receipts & User.gives_receipts),
    )
    .correlate(Membership)
)
RECEIPTS_OF_ALL = Often(
    select((~HIDES_READING).label("all_give_receipts"))
    .select_from(Membership)
    .where(Membership.conversation_id == bindparam("conversation_id"))
)
MY_MARKS = Often(
    select(
        Membership.read_seq,
        Membership.uncounted,
        Membership.delivered_seq,
        Membership.receipt_seq,
        Membership.unshown,
        (~HIDES_READING).label("all_give_receipts"),
    )
    .where(Membership.conversation_id == bindparam("conversation_id"), Membership.user_id == bindparam("user_id"))
    .with_for_update()
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
    uncounted: int = 0
    last_author_id: int | None = None
    last_posted_at: datetime | None = None

    @property
    def unread(self) -> int:
        """How many messages are unread; one's own and deleted ones never are."""
        return self.last_seq - self.read_seq - self.uncounted

    @property
    def told_seq(self) -> int:
        """Up to where a page need not say any more what was read: it is noted, and settled for others."""
        return min(self.read_seq, self.receipt_seq)

    @property
    def notes(self) -> bool:
        return self.other_id == self.user_id


async def enter(db: Reading, user_id: int, conversation_id: int) -> Place:
    """The conversation, as that user stands in it. Raises NotThere where it is not, or not theirs."""
    found = await _find_places(db, [(conversation_id, user_id)])
    if not found:
        raise NotThere
    return found[conversation_id, user_id]


class Gate:
    """The same for many who come at once, such as all who post."""

    def __init__(self, database: Database) -> None:
        async def look(wanted: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Place]:
            async with database.reading() as db:
                return await _find_places(db, wanted)

        self.places = Together(look)

    async def enter(self, user_id: int, conversation_id: int) -> Place:
        """The conversation, as that user stands in it. Raises NotThere where it is not, or not theirs."""
        place = await self.places.find((conversation_id, user_id))
        if not place:
            raise NotThere
        return place


def who_is_at_home(database: Database) -> AtHome:
    """Finds sessions together with their users' places in conversations: one look where each post would take two."""

    async def look(wanted: Sequence[tuple[bytes, int]]) -> dict[tuple[bytes, int], tuple[SessionFound, object]]:
        async with database.reading() as db:
            rows = await db.execute(*FROM_THE_STREET.of(wanted))
            return {(row.token_digest, row.id): (row, _place(row)) for row in rows}

    return Together(look)


async def _find_places(db: Reading, wanted: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Place]:
    """The places that there are, by conversation and user."""
    rows = await db.execute(*THROUGH_THE_GATE.of(wanted))
    return {(row.id, row.user_id): _place(row) for row in rows}


def _place(row: Row[tuple[object, ...]]) -> Place:
    return Place(
        id=row.id,
        user_id=row.user_id,
        revision=row.revision,
        last_seq=row.last_seq,
        last_author_id=row.last_author_id,
        last_posted_at=row.last_posted_at,
        read_seq=row.read_seq,
        uncounted=row.uncounted,
        receipt_seq=row.receipt_seq,
        gives_receipts=row.gives_receipts,
        muted_until=row.muted_until,
        other_id=row.other_id,
        name=row.other_name,
    )


async def all_give_receipts(db: Reading, conversation_id: int) -> bool:
    """Whether what is read or played here at this moment may be told."""
    asked = {"conversation_id": conversation_id}
    return all(row.all_give_receipts for row in await db.execute(RECEIPTS_OF_ALL, asked))


async def count_unread(database: Database, user_id: int) -> int:
    """How many messages this user has not read, in all."""
    async with database.reading() as db:
        return int((await db.execute(UNREAD_IN_ALL, {"user_id": user_id})).one().unread or 0)
