"""That a recording is not in the store any more."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Both databases can add such a column to a table that is in use, and need not write the table anew.
    op.add_column("recording", sa.Column("missing", sa.Boolean, nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column("recording", "missing")
