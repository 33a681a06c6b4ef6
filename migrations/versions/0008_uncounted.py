"""What stands behind a read mark and is not unread: one's own messages, and deleted ones."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

COUNT = """
    UPDATE membership SET uncounted = (
        SELECT count(*) FROM message
        WHERE message.conversation_id = membership.conversation_id AND message.seq > membership.read_seq
        AND (message.author_id = membership.user_id OR message.deleted_at IS NOT NULL)
    )
"""


def upgrade() -> None:
    op.add_column("membership", sa.Column("uncounted", sa.Integer, nullable=False, server_default="0"))
    op.execute(COUNT)


def downgrade() -> None:
    op.drop_column("membership", "uncounted")
