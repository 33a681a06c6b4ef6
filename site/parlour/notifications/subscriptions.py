"""Subscribing a browser, forgetting it, and finding whom a new message should reach."""

from datetime import UTC, datetime

import msgspec
from sqlalchemy import delete, func, insert, select

from parlour.accounts.models import Session, User
from parlour.accounts.sessions import Lifetime, Viewer, end_of
from parlour.conversations.models import Conversation, Membership
from parlour.conversations.settings import is_muted
from parlour.db import Among, Reading, Transaction
from parlour.errors import Refusal
from parlour.inbox.listing import one_line
from parlour.messages.models import Message
from parlour.notifications.addresses import BadEndpoint, Reachable
from parlour.notifications.encryption import AUTH_BYTES, read_public_key
from parlour.notifications.models import PushSubscription, PushTold
from parlour.notifications.vapid import decode
from parlour.voice.models import Recording

AUTHOR = User.__table__.alias("author")
ALL = Membership.__table__.alias("all_of_theirs")
THERE = Conversation.__table__.alias("there")
NEWS = Message.__table__.alias("news")

UNREAD_IN_ALL = (
    select(func.coalesce(func.sum(THERE.c.last_seq - ALL.c.read_seq - ALL.c.uncounted), 0))
    .join_from(ALL, THERE, THERE.c.id == ALL.c.conversation_id)
    .where(ALL.c.user_id == User.id)
    .scalar_subquery()
)
# The latest that somebody else said, that is not read and that still stands.
NEWS_SEQ = (
    select(NEWS.c.seq)
    .where(
        NEWS.c.conversation_id == Membership.conversation_id,
        NEWS.c.seq > Membership.read_seq,
        NEWS.c.author_id != Membership.user_id,
        NEWS.c.text.is_not(None),
    )
    .order_by(NEWS.c.seq.desc())
    .limit(1)
    .correlate(Membership)
    .scalar_subquery()
)
ADDRESSES = Among(
    select(
        PushSubscription.id,
        PushSubscription.endpoint,
        PushSubscription.p256dh,
        PushSubscription.auth,
        Membership.conversation_id,
        Membership.user_id,
        Membership.read_seq,
        Membership.muted_until,
        User.notifications_show,
        PushTold.seq.label("told_seq"),
        AUTHOR.c.name.label("author_name"),
        Message.seq,
        Message.text,
        Message.posted_at,
        Recording.seconds,
        Session.created_at.label("session_created_at"),
        Session.last_used_at,
        UNREAD_IN_ALL.label("unread"),
    )
    .join_from(Membership, User, User.id == Membership.user_id)
    .join(PushSubscription, PushSubscription.user_id == Membership.user_id)
    .join(Session, Session.id == PushSubscription.session_id)
    .outerjoin(Message, (Message.conversation_id == Membership.conversation_id) & (Message.seq == NEWS_SEQ))
    .outerjoin(Recording, Recording.id == Message.recording_id)
    .outerjoin(AUTHOR, AUTHOR.c.id == Message.author_id)
    .outerjoin(
        PushTold,
        (PushTold.conversation_id == Membership.conversation_id) & (PushTold.user_id == Membership.user_id),
    ),
    Membership.conversation_id,
)


class NoPush(Refusal):
    """The form came as it stands, and no script gave it the address of a push service."""

    sentence = (
        "This browser cannot be reached while Parlour is closed: its scripts are off. The unread feed needs none."
    )


class News(msgspec.Struct, frozen=True):
    """The latest unread message of a conversation."""

    seq: int
    author_name: str
    line: str
    posted_at: datetime


class Address(msgspec.Struct, frozen=True):
    """A browser that may be told of a conversation, and how that conversation stands for its user."""

    id: int
    endpoint: str
    p256dh: bytes
    auth: bytes
    conversation_id: int
    user_id: int
    read_seq: int
    muted: bool
    shows: str  # what the user lets a notification show
    unread: int  # in all of the user's conversations
    told_seq: int  # of the message that the user's browsers show; 0 where they show none
    news: News | None

    @property
    def place(self) -> tuple[int, int]:
        return self.conversation_id, self.user_id


async def subscribe(
    db: Transaction, viewer: Viewer, reachable: Reachable, *, endpoint: str, p256dh: str, auth: str
) -> None:
    """From now on the viewer's session is reached there, and whoever was before is not. Raises BadEndpoint."""
    if not endpoint:
        raise NoPush
    endpoint = reachable.check(endpoint)
    try:
        key, secret = decode(p256dh), decode(auth)
        read_public_key(key)
    except ValueError as error:
        raise BadEndpoint from error
    if len(secret) != AUTH_BYTES:
        raise BadEndpoint
    # Two pages of a browser may say the same at one moment.
    await db.take_turn(f"push subscription {endpoint}")
    await db.execute(
        delete(PushSubscription).where(
            (PushSubscription.endpoint == endpoint) | (PushSubscription.session_id == viewer.session_id)
        )
    )
    values = {
        "user_id": viewer.id,
        "session_id": viewer.session_id,
        "endpoint": endpoint,
        "p256dh": key,
        "auth": secret,
    }
    await db.execute(insert(PushSubscription).values(values | {"created_at": datetime.now(UTC)}))


async def unsubscribe(db: Transaction, viewer: Viewer) -> None:
    """The viewer's session is told of nothing more."""
    await db.execute(delete(PushSubscription).where(PushSubscription.session_id == viewer.session_id))


async def is_subscribed(db: Reading, viewer: Viewer) -> bool:
    """Whether the viewer's session is told of what is new."""
    found = await db.execute(select(PushSubscription.id).where(PushSubscription.session_id == viewer.session_id))
    return found.first() is not None


async def is_there(db: Reading, address: Address) -> bool:
    """Whether that browser is still subscribed."""
    asked = select(PushSubscription.id).where(PushSubscription.id == address.id)
    return (await db.execute(asked.where(PushSubscription.endpoint == address.endpoint))).first() is not None


async def forget_address(db: Transaction, address: Address) -> None:
    """Nobody is reached there any more; unless the browser has meanwhile given another address."""
    await db.execute(
        delete(PushSubscription).where(PushSubscription.id == address.id, PushSubscription.endpoint == address.endpoint)
    )


async def find_addresses(db: Reading, conversation_ids: list[int], lifetime: Lifetime) -> list[Address]:
    """Every browser of these conversations' members that is subscribed in a living session."""
    now = datetime.now(UTC)
    return [
        Address(
            row.id,
            row.endpoint,
            row.p256dh,
            row.auth,
            row.conversation_id,
            row.user_id,
            row.read_seq,
            is_muted(row.muted_until),
            row.notifications_show,
            int(row.unread),  # PostgreSQL adds up in decimals
            row.told_seq or 0,
            News(row.seq, row.author_name, one_line(row.text, row.seconds), row.posted_at) if row.seq else None,
        )
        for row in await db.execute(*ADDRESSES.of(conversation_ids))
        if end_of(row.session_created_at, row.last_used_at, lifetime) > now
    ]
