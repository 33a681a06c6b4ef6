"""The list of conversations: the latest first, each with its last message and how many are unread."""

import hashlib
from collections.abc import Collection
from datetime import datetime

import msgspec
from sqlalchemy import Row, bindparam, func, or_, select

from parlour.accounts.models import User
from parlour.conversations.memberships import UNREAD
from parlour.conversations.models import Conversation, Membership
from parlour.conversations.settings import is_muted
from parlour.db import Among, Often, Reading, portions
from parlour.messages.markup import preview
from parlour.messages.models import Message
from parlour.templating import length
from parlour.voice.models import Recording

ENTRIES_AT_MOST = 200

MOVED_AT = func.coalesce(Conversation.last_posted_at, Conversation.created_at)
OTHER = Membership.__table__.alias("other")

ENTRIES = (
    select(
        Membership.conversation_id,
        Membership.user_id,
        UNREAD.label("unread"),
        Membership.delivered_seq,
        Membership.muted_until,
        Conversation.last_seq,
        MOVED_AT.label("moved_at"),
        User.id.label("other_id"),
        User.name,
        Message.author_id,
        Message.text,
        Message.posted_at,
        Recording.seconds,
    )
    .join(Conversation, Conversation.id == Membership.conversation_id)
    .outerjoin(OTHER, (OTHER.c.conversation_id == Membership.conversation_id) & (OTHER.c.user_id != Membership.user_id))
    .join(User, User.id == func.coalesce(OTHER.c.user_id, Membership.user_id))
    .outerjoin(
        Message, (Message.conversation_id == Membership.conversation_id) & (Message.seq == Conversation.last_seq)
    )
    .outerjoin(Recording, Recording.id == Message.recording_id)
)
LATEST = (
    select(Conversation.id)
    .join(Membership, Membership.conversation_id == Conversation.id)
    .where(Membership.user_id == bindparam("user_id"))
    .order_by(MOVED_AT.desc(), Conversation.id.desc())
    .limit(ENTRIES_AT_MOST)
)
# However many there are, what is unread stays in the list, so that it adds up to what is unread in all.
OF_A_USER = Often(
    ENTRIES.where(
        Membership.user_id == bindparam("user_id"),
        or_(UNREAD > 0, Membership.conversation_id.in_(LATEST.correlate(None))),
    )
)
OF_CONVERSATIONS = Among(ENTRIES, Membership.conversation_id)


class Entry(msgspec.Struct, frozen=True):
    """A line in the list, as one user sees it."""

    conversation_id: int
    name: str
    other_id: int
    notes: bool
    preview: str
    at: datetime | None
    unread: int
    undelivered: int  # the place of what was said to the user and has come to no page yet; 0 where there is nothing
    muted: bool
    open: bool = False

    def opened(self) -> "Entry":
        """The same line in the list of a page that shows this conversation."""
        return msgspec.structs.replace(self, open=True)


async def list_conversations(db: Reading, user_id: int, open_id: int | None = None) -> list[Entry]:
    """The user's latest conversations, and all in which something is unread; the latest message first."""
    rows = (await db.execute(OF_A_USER, {"user_id": user_id})).all()
    latest_first = sorted(rows, key=lambda row: (row.moved_at, row.conversation_id), reverse=True)
    entries = [_entry(row) for row in latest_first]
    return [entry.opened() if entry.conversation_id == open_id else entry for entry in entries]


async def list_members(db: Reading, conversation_ids: Collection[int]) -> dict[int, dict[int, Entry]]:
    """The line of each conversation as each of its members sees it, by its id and the member's."""
    members: dict[int, dict[int, Entry]] = {conversation_id: {} for conversation_id in conversation_ids}
    for portion in portions(conversation_ids):
        for row in await db.execute(*OF_CONVERSATIONS.of(portion)):
            members[row.conversation_id][row.user_id] = _entry(row)
    return members


def one_line(text: str, seconds: float | None) -> str:
    """A message in one line; `seconds` is the length of its recording, if it is one."""
    return preview(text) if seconds is None else f"Voice message ({length(seconds)}) {preview(text)}".rstrip()


def digest(entries: list[Entry]) -> str:
    """A short name for what a list shows, so that a page can say what it has."""
    shown = [msgspec.structs.replace(entry, open=False, undelivered=0) for entry in entries]
    return hashlib.sha256(msgspec.json.encode(shown)).hexdigest()[:16]


def _entry(row: Row[tuple[object, ...]]) -> Entry:
    notes = row.other_id == row.user_id
    said = _said(row)
    by_oneself = said and row.author_id == row.user_id and not notes
    return Entry(
        conversation_id=row.conversation_id,
        name=row.name,
        other_id=row.other_id,
        notes=notes,
        preview=f"You: {said}" if by_oneself else said,
        at=row.posted_at,
        unread=row.unread,
        undelivered=row.last_seq if row.last_seq > row.delivered_seq and row.author_id != row.user_id else 0,
        muted=is_muted(row.muted_until),
    )


def _said(row: Row[tuple[object, ...]]) -> str:
    """The latest message in one line; nothing where there is none."""
    if row.posted_at is None:
        return ""
    return "Message deleted" if row.text is None else one_line(row.text, row.seconds)
