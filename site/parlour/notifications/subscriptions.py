"""Subscribing a browser, forgetting it, and finding whom a new message should reach."""

from datetime import UTC, datetime

import msgspec
from sqlalchemy import bindparam, delete, func, insert, select

from parlour.accounts.models import Session, User
from parlour.accounts.sessions import Lifetime, Viewer, end_of
from parlour.conversations.models import Conversation, Membership
from parlour.conversations.settings import is_muted
from parlour.db import Reading, Transaction
from parlour.errors import Refusal
from parlour.inbox.listing import one_line
from parlour.messages.models import Message
from parlour.notifications.addresses import BadEndpoint, Reachable
from parlour.notifications.encryption import AUTH_BYTES, read_public_key
from parlour.notifications.models import PushSubscription
from parlour.notifications.vapid import decode
from parlour.voice.models import Recording

AUTHOR = User.__table__.alias("author")
ALL = Membership.__table__.alias("all_of_theirs")
THERE = Conversation.__table__.alias("there")

UNREAD_IN_ALL = (
    select(func.coalesce(func.sum(THERE.c.last_seq - ALL.c.read_seq), 0))
    .join_from(ALL, THERE, THERE.c.id == ALL.c.conversation_id)
    .where(ALL.c.user_id == User.id)
    .scalar_subquery()
)
ADDRESSES = (
    select(
        PushSubscription.id,
        PushSubscription.endpoint,
        PushSubscription.p256dh,
        PushSubscription.auth,
        Membership.conversation_id,
        Membership.user_id,
        Membership.read_seq,
        Membership.muted_until,
        Conversation.last_seq,
        User.notifications_show,
        AUTHOR.c.name.label("author_name"),
        Message.text,
        Message.posted_at,
        Recording.seconds,
        Session.created_at.label("session_created_at"),
        Session.last_used_at,
        UNREAD_IN_ALL.label("unread"),
    )
    .join_from(Membership, Conversation, Conversation.id == Membership.conversation_id)
    .join(User, User.id == Membership.user_id)
    .join(PushSubscription, PushSubscription.user_id == Membership.user_id)
    .join(Session, Session.id == PushSubscription.session_id)
    .join(Message, (Message.conversation_id == Conversation.id) & (Message.seq == Conversation.last_seq))
    .outerjoin(Recording, Recording.id == Message.recording_id)
    .join(AUTHOR, AUTHOR.c.id == Message.author_id)
    .where(Membership.conversation_id.in_(bindparam("conversation_ids", expanding=True)))
)


class NoPush(Refusal):
    """The form came as it stands, and no script gave it the address of a push service."""

    sentence = (
        "This browser cannot be reached while Parlour is closed: its scripts are off. The unread feed needs none."
    )


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
    last_seq: int
    shows: str  # what the user lets a notification show
    author_name: str  # of the latest message
    line: str | None  # the latest message in one line; None where it is deleted
    posted_at: datetime
    unread: int  # in all of the user's conversations


async def subscribe(
    db: Transaction, viewer: Viewer, reachable: Reachable, *, endpoint: str, p256dh: str, auth: str
) -> None:
    """From now on the viewer's session is reached there, and whoever was before is not. Raises BadEndpoint."""
    if not endpoint:
        raise NoPush
    reachable.check(endpoint)
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
            row.last_seq,
            row.notifications_show,
            row.author_name,
            None if row.text is None else one_line(row.text, row.seconds),
            row.posted_at,
            int(row.unread),  # PostgreSQL adds up in decimals
        )
        for row in await db.execute(ADDRESSES, {"conversation_ids": conversation_ids})
        if end_of(row.session_created_at, row.last_used_at, lifetime) > now
    ]
