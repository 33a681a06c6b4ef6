"""Where a browser wants to be told."""

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from parlour.db import Base

LONGEST_ENDPOINT = 1_000  # characters; those of the large push services have some 200


class PushSubscription(Base):
    """The address at a push service under which one browser is reached, and the keys that only this browser has.

    It belongs to the session that asked for it, and ends with it.
    """

    __tablename__ = "push_subscription"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    session_id: Mapped[int] = mapped_column(ForeignKey("session.id", ondelete="CASCADE"), unique=True)
    endpoint: Mapped[str] = mapped_column(String(LONGEST_ENDPOINT), unique=True)
    p256dh: Mapped[bytes] = mapped_column(LargeBinary(65))  # the browser's public key, an uncompressed point on P-256
    auth: Mapped[bytes] = mapped_column(LargeBinary(16))  # a secret that it shares with us alone
    created_at: Mapped[datetime]


class PushTold(Base):
    """Of which message a member was told by push: their browsers show it until it is read or deleted."""

    __tablename__ = "push_told"

    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversation.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True, index=True)
    seq: Mapped[int]
