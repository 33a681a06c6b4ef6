"""Web Push, what notifications show, and the address of the unread feed."""

import sqlalchemy as sa
from alembic import op

from parlour.db import UTCDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    # Never by copying the table: on SQLite, dropping the old one would take everybody's sessions with it.
    op.add_column("user", sa.Column("notifications_show", sa.String(10), nullable=False, server_default="everything"))
    op.add_column("user", sa.Column("feed_number", Id, nullable=False, server_default="0"))
    op.create_table(
        "push_subscription",
        sa.Column("id", Id, nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("session_id", Id, nullable=False),
        sa.Column("endpoint", sa.String(1000), nullable=False),
        sa.Column("p256dh", sa.LargeBinary(65), nullable=False),
        sa.Column("auth", sa.LargeBinary(16), nullable=False),
        sa.Column("created_at", UTCDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_push_subscription"),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], "fk_push_subscription_user_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["session_id"], ["session.id"], "fk_push_subscription_session_id", ondelete="CASCADE"),
        sa.UniqueConstraint("session_id", name="uq_push_subscription_session_id"),
        sa.UniqueConstraint("endpoint", name="uq_push_subscription_endpoint"),
    )
    op.create_index("ix_push_subscription_user_id", "push_subscription", ["user_id"])


def downgrade() -> None:
    op.drop_table("push_subscription")
    op.drop_column("user", "feed_number")
    op.drop_column("user", "notifications_show")
