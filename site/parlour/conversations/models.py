"""Where: conversations and who belongs to them."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
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
    """A person's place in a conversation: the gate to it, and how far they have read."""

    __tablename__ = "membership"

    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversation.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True, index=True)
    read_seq: Mapped[int] = mapped_column(default=0)
    joined_at: Mapped[datetime]
