"""Where: conversations and who belongs to them."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, true
from sqlalchemy.orm import Mapped, mapped_column

from parlour.db import Base


class Conversation(Base):
    """A place where people talk.

    `revision` counts every change and is handed out under this row's lock, so that the order of revisions is the order
    of commits. `last_seq` counts messages. What the latest message was is kept here too, so that the next one knows
    whether it goes on from it.
    """

    __tablename__ = "conversation"

    id: Mapped[int] = mapped_column(primary_key=True)
    # "3:7" for the two people of a direct conversation, "3:3" for somebody's notes: a pair has one conversation.
    pair: Mapped[str | None] = mapped_column(String(50), unique=True)
    revision: Mapped[int] = mapped_column(default=0)
    last_seq: Mapped[int] = mapped_column(default=0)
    last_author_id: Mapped[int | None]
    last_posted_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class Membership(Base):
    """A person's place in a conversation: the gate to it, how far they have read, and what of that others may see.

    `read_seq` is for themselves and goes back when they mark something unread. What others may see never goes back: up
    to `receipt_seq` it is settled for each message whether it shows as read, and `unshown` names those that never will,
    as in `3-5 9-9`, because receipts were off when they were read. `uncounted` says how many messages after `read_seq`
    are no news, being the member's own or deleted: the others are unread.
    """

    __tablename__ = "membership"

    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversation.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True, index=True)
    read_seq: Mapped[int] = mapped_column(default=0)
    uncounted: Mapped[int] = mapped_column(server_default="0")
    joined_at: Mapped[datetime]
    delivered_seq: Mapped[int] = mapped_column(server_default="0")
    receipt_seq: Mapped[int] = mapped_column(server_default="0")
    unshown: Mapped[str] = mapped_column(String(500), server_default="")
    gives_receipts: Mapped[bool] = mapped_column(server_default=true())
    muted_until: Mapped[datetime | None]
