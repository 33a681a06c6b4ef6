"""Recordings, and how far each person has listened to them."""

import sqlalchemy as sa
from alembic import op

from parlour.db import UTCDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "recording",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("codec", sa.String(16), nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("peaks", sa.LargeBinary(64), nullable=False),
        sa.Column("size_bytes", Id, nullable=False),
        sa.Column("rendition_bytes", Id),
        sa.Column("preparing", sa.Boolean, nullable=False),
        sa.Column("tries", Id, nullable=False),
        sa.Column("taken_at", UTCDateTime),
        sa.Column("created_at", UTCDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_recording"),
        sa.UniqueConstraint("name", name="uq_recording_name"),
        sqlite_autoincrement=True,
    )
    preparing = sa.text("preparing")
    op.create_index("ix_recording_preparing", "recording", ["id"], sqlite_where=preparing, postgresql_where=preparing)
    op.create_table(
        "hearing",
        sa.Column("recording_id", Id, nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("position_s", sa.Float, nullable=False),
        sa.Column("heard", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("recording_id", "user_id", name="pk_hearing"),
        sa.ForeignKeyConstraint(["recording_id"], ["recording.id"], "fk_hearing_recording_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], "fk_hearing_user_id", ondelete="CASCADE"),
    )
    op.create_table(
        "pace",
        sa.Column("user_id", Id, nullable=False),
        sa.Column("speed", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_pace"),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], "fk_pace_user_id", ondelete="CASCADE"),
    )
    # Both databases can add such a column to a table that is in use, and need not write the table anew.
    op.execute(
        "ALTER TABLE message ADD COLUMN recording_id BIGINT "
        "CONSTRAINT fk_message_recording_id REFERENCES recording (id)"
    )
    op.create_index("ix_message_recording_id", "message", ["recording_id"], unique=True)


def downgrade() -> None:
    op.drop_index("ix_message_recording_id", "message")
    with op.batch_alter_table("message", table_kwargs={"sqlite_autoincrement": True}) as message:
        message.drop_column("recording_id")
    for table in ("pace", "hearing", "recording"):
        op.drop_table(table)
