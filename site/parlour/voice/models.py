"""What is known of recordings, and how far each person has listened."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from parlour.db import Base


class Recording(Base):
    """A recording whose bytes are in the store, as `name` with the suffix of its kind.

    While it is `preparing`, its second rendition (m4a) is still to be made; without `rendition_bytes` there is none.
    It is `missing` when the store was found without the original: somebody has removed it there.
    """

    __tablename__ = "recording"
    __table_args__ = (
        Index(
            "ix_recording_preparing",
            "id",
            sqlite_where=text("preparing"),
            postgresql_where=text("preparing"),
        ),
        {"sqlite_autoincrement": True},  # an id that stood in an address is never another recording's
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(32), unique=True)
    kind: Mapped[str] = mapped_column(String(8))
    codec: Mapped[str] = mapped_column(String(16))
    seconds: Mapped[float]  # as they were decoded
    peaks: Mapped[bytes] = mapped_column(LargeBinary(64))
    size_bytes: Mapped[int]
    rendition_bytes: Mapped[int | None]
    preparing: Mapped[bool]
    missing: Mapped[bool] = mapped_column(server_default=false())
    tries: Mapped[int]  # to prepare it
    taken_at: Mapped[datetime | None]  # by a process that prepares it
    created_at: Mapped[datetime]


class Hearing(Base):
    """How far somebody has listened to a recording."""

    __tablename__ = "hearing"

    recording_id: Mapped[int] = mapped_column(ForeignKey("recording.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    position_s: Mapped[float]
    heard: Mapped[bool]


class Pace(Base):
    """How fast somebody likes to listen."""

    __tablename__ = "pace"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    speed: Mapped[float]
