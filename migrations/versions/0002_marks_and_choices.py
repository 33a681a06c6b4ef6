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
    with op.batch_alter_table("user") as user:
        for name in SHOWN:
            user.add_column(sa.Column(name, sa.Boolean, nullable=False, server_default=sa.true()))
        user.add_column(sa.Column("last_seen_at", UTCDateTime))
    with op.batch_alter_table("membership") as membership:
        membership.add_column(sa.Column("delivered_seq", Id, nullable=False, server_default="0"))
        membership.add_column(sa.Column("receipt_seq", Id, nullable=False, server_default="0"))
        membership.add_column(sa.Column("unshown", sa.String(500), nullable=False, server_default=""))
        membership.add_column(sa.Column("gives_receipts", sa.Boolean, nullable=False, server_default=sa.true()))
        membership.add_column(sa.Column("muted_until", UTCDateTime))
    # What was read before there were receipts was delivered, and nobody was asked whether to show more than that.
    op.execute("UPDATE membership SET delivered_seq = read_seq, receipt_seq = read_seq")
    op.execute("UPDATE membership SET unshown = '1-' || read_seq WHERE read_seq > 0")


def downgrade() -> None:
    with op.batch_alter_table("membership") as membership:
        for name in ("muted_until", "gives_receipts", "unshown", "receipt_seq", "delivered_seq"):
            membership.drop_column(name)
    with op.batch_alter_table("user") as user:
        for name in ("last_seen_at", *SHOWN):
            user.drop_column(name)
