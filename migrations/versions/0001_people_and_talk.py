"""Users, sessions, conversations and messages."""

import sqlalchemy as sa
from alembic import op

from parlour.db import UTCDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "user",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("skeleton", sa.String(200), nullable=False),
        sa.Column("password_hash", sa.String(200), nullable=False),
        sa.Column("created_at", UTCDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_user"),
        sa.UniqueConstraint("skeleton", name="uq_user_skeleton"),
    )
    op.create_table(
        "session",
        sa.Column("id", Id, nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("token_digest", sa.LargeBinary(32), nullable=False),
        sa.Column("label", sa.String(100), nullable=False),
        sa.Column("created_at", UTCDateTime, nullable=False),
        sa.Column("last_used_at", UTCDateTime, nullable=False),
        sa.Column("carried_path", sa.String(200)),
        sa.Column("carried_text", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_session"),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], "fk_session_user_id", ondelete="CASCADE"),
        sa.UniqueConstraint("token_digest", name="uq_session_token_digest"),
    )
    op.create_index("ix_session_user_id", "session", ["user_id"])
    op.create_table(
        "attempt",
        sa.Column("id", Id, nullable=False),
        sa.Column("subject", sa.String(100), nullable=False),
        sa.Column("at", UTCDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_attempt"),
    )
    op.create_index("ix_attempt_subject_at", "attempt", ["subject", "at"])
    op.create_table(
        "conversation",
        sa.Column("id", Id, nullable=False),
        sa.Column("pair", sa.String(50)),
        sa.Column("revision", Id, nullable=False),
        sa.Column("last_seq", Id, nullable=False),
        sa.Column("last_author_id", Id),
        sa.Column("last_posted_at", UTCDateTime),
        sa.Column("created_at", UTCDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_conversation"),
        sa.UniqueConstraint("pair", name="uq_conversation_pair"),
    )
    op.create_table(
        "membership",
        sa.Column("conversation_id", Id, nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("read_seq", Id, nullable=False),
        sa.Column("joined_at", UTCDateTime, nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "user_id", name="pk_membership"),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversation.id"], "fk_membership_conversation_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], "fk_membership_user_id", ondelete="CASCADE"),
    )
    op.create_index("ix_membership_user_id", "membership", ["user_id"])
    op.create_table(
        "message",
        sa.Column("id", Id, nullable=False),
        sa.Column("conversation_id", Id, nullable=False),
        sa.Column("author_id", Id, nullable=False),
        sa.Column("seq", Id, nullable=False),
        sa.Column("posted_revision", Id, nullable=False),
        sa.Column("revision", Id, nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("text", sa.Text),
        sa.Column("posted_at", UTCDateTime, nullable=False),
        sa.Column("edited_at", UTCDateTime),
        sa.Column("deleted_at", UTCDateTime),
        sa.Column("continues", sa.Boolean, nullable=False),
        sa.Column("opens_day", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_message"),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversation.id"], "fk_message_conversation_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["author_id"], ["user.id"], "fk_message_author_id", ondelete="CASCADE"),
        sa.UniqueConstraint("conversation_id", "seq", name="uq_message_conversation_id_seq"),
        sa.UniqueConstraint(
            "key", "author_id", "conversation_id", "digest", name="uq_message_key_author_id_conversation_id_digest"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_message_conversation_id_revision", "message", ["conversation_id", "revision"])


def downgrade() -> None:
    for table in ("message", "membership", "conversation", "attempt", "session", "user"):
        op.drop_table(table)
