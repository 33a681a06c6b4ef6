"""Of which message somebody's browsers show a notification."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "push_told",
        sa.Column("conversation_id", Id, nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("seq", Id, nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "user_id", name="pk_push_told"),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversation.id"], "fk_push_told_conversation_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], "fk_push_told_user_id", ondelete="CASCADE"),
    )
    op.create_index("ix_push_told_user_id", "push_told", ["user_id"])


def downgrade() -> None:
    op.drop_table("push_told")
