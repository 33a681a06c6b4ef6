"""What: messages."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from parlour.db import Base


class Message(Base):
    """Something that was said.

    `seq` is its place (1, 2, 3 …), `posted_revision` the conversation's revision at its birth, `revision` that of its
    last change. A deleted message stays as a tombstone: its text is gone, its place is not.
    """

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("conversation_id", "seq"),
        # The key comes first: next to nothing else begins with it.
        UniqueConstraint("key", "author_id", "conversation_id", "digest"),
        Index(None, "conversation_id", "revision"),
        Index(None, "recording_id", unique=True),
        {"sqlite_autoincrement": True},  # an id that stood in a permalink is never another message's
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversation.id", ondelete="CASCADE"))
    author_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    seq: Mapped[int]
    posted_revision: Mapped[int]
    revision: Mapped[int]
    # The form's one-time key, and a keyed digest of what was posted with it: together they recognise a retry for ever.
    key: Mapped[str] = mapped_column(String(64))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    text: Mapped[str | None] = mapped_column(Text)  # None once it is deleted
    recording_id: Mapped[int | None] = mapped_column(ForeignKey("recording.id"))
    posted_at: Mapped[datetime]
    edited_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    played: Mapped[bool] = mapped_column(server_default=false())  # a recording, as far as its author may know
    # How it stands to the message before it, which never changes: the same author goes on, and a new day begins.
    continues: Mapped[bool]
    opens_day: Mapped[bool]
