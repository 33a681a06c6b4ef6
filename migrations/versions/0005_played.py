"""That a voice message was played, as far as its author may know."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Both databases can add such a column to a table that is in use, and need not write the table anew.
    op.add_column("message", sa.Column("played", sa.Boolean, nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column("message", "played")
