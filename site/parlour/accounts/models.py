"""Who: users, their sessions, and what was tried in their name."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, true
from sqlalchemy.orm import Mapped, mapped_column

from parlour.db import Base


class User(Base):
    """A person. No two have names that look alike: `skeleton` is what the eye sees of a name."""

    __tablename__ = "user"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(32))
    skeleton: Mapped[str] = mapped_column(String(200), unique=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    # What they show of themselves to others, who show as much of themselves.
    gives_receipts: Mapped[bool] = mapped_column(server_default=true())
    shows_online: Mapped[bool] = mapped_column(server_default=true())
    shows_typing: Mapped[bool] = mapped_column(server_default=true())
    last_seen_at: Mapped[datetime | None]  # while they showed when they are online
    notifications_show: Mapped[str] = mapped_column(String(10), server_default="everything")  # a key of `SHOWS`
    feed_number: Mapped[int] = mapped_column(server_default="0")  # which of their feed's addresses is in force


class Session(Base):
    """A browser in which somebody is signed in. Only a digest of its token is kept, so a stolen table opens nothing."""

    __tablename__ = "session"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    token_digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    label: Mapped[str] = mapped_column(String(100))  # "Firefox on Linux"
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    # What was typed into a form when the session before this one had ended, and where it belongs.
    carried_path: Mapped[str | None] = mapped_column(String(200))
    carried_text: Mapped[str | None] = mapped_column(Text)


class Attempt(Base):
    """Something that is limited by name or address, such as a failed sign-in; counted over a window of time."""

    __tablename__ = "attempt"
    __table_args__ = (Index(None, "subject", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(String(100))  # what is counted: a digest, since it may hold an address
    at: Mapped[datetime]
