"""What people choose to show of themselves, and how far each member of a conversation has been told and has read."""

import sqlalchemy as sa
from alembic import op

from parlour.db import UTCDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
SHOWN = ("gives_receipts", "shows_online", "shows_typing")


def upgrade() -> None:
    # Never by copying a table: on SQLite, dropping the old one would take with it all that hangs on it.
    for name in SHOWN:
        op.add_column("user", sa.Column(name, sa.Boolean, nullable=False, server_default=sa.true()))
    op.add_column("user", sa.Column("last_seen_at", UTCDateTime))
    op.add_column("membership", sa.Column("delivered_seq", Id, nullable=False, server_default="0"))
    op.add_column("membership", sa.Column("receipt_seq", Id, nullable=False, server_default="0"))
    op.add_column("membership", sa.Column("unshown", sa.String(500), nullable=False, server_default=""))
    op.add_column("membership", sa.Column("gives_receipts", sa.Boolean, nullable=False, server_default=sa.true()))
    op.add_column("membership", sa.Column("muted_until", UTCDateTime))
    # What was read before there were receipts was delivered, and nobody was asked whether to show more than that.
    op.execute("UPDATE membership SET delivered_seq = read_seq, receipt_seq = read_seq")
    op.execute("UPDATE membership SET unshown = '1-' || read_seq WHERE read_seq > 0")


def downgrade() -> None:
    for name in ("muted_until", "gives_receipts", "unshown", "receipt_seq", "delivered_seq"):
        op.drop_column("membership", name)
    for name in ("last_seen_at", *SHOWN):
        op.drop_column("user", name)
