"""Looking messages up: a page of them, one of them, or what changed since a revision."""

from datetime import datetime

import msgspec
from sqlalchemy import Row, bindparam, select

from parlour.accounts.models import User
from parlour.conversations.models import Membership
from parlour.db import Often, Reading
from parlour.errors import NotThere
from parlour.messages.models import Message
from parlour.voice.models import Recording
from parlour.voice.recordings import SOUND_COLUMNS, Sound, as_sound

PAGE_ROWS = 50
CHANGES_AT_MOST = 500  # a page that missed more than this is loaded anew


class Line(msgspec.Struct, frozen=True):
    """A message as it is stored now, and whose it is; `text` is None once it is deleted."""

    id: int
    conversation_id: int
    seq: int
    posted_revision: int
    revision: int
    author_id: int
    author_name: str
    text: str | None
    posted_at: datetime
    edited: bool
    continues: bool
    opens_day: bool
    key: str  # of the form that posted it
    recording: Sound | None = None
    played: bool = False  # as far as its author may know

    @property
    def deleted(self) -> bool:
        return self.text is None


LINES = (
    select(
        Message.id,
        Message.conversation_id,
        Message.seq,
        Message.posted_revision,
        Message.revision,
        Message.author_id,
        User.name.label("author_name"),
        Message.text,
        Message.posted_at,
        Message.edited_at,
        Message.continues,
        Message.opens_day,
        Message.key,
        Message.played,
        *SOUND_COLUMNS,
    )
    .join(User, User.id == Message.author_id)
    .outerjoin(Recording, Recording.id == Message.recording_id)
)

LATEST = Often(
    LINES.where(Message.conversation_id == bindparam("conversation_id"), Message.seq < bindparam("before"))
    .order_by(Message.seq.desc())
    .limit(PAGE_ROWS)
)
CHANGED = Often(
    LINES.where(Message.conversation_id == bindparam("conversation_id"), Message.revision > bindparam("after"))
    .order_by(Message.conversation_id, Message.revision)
    .limit(CHANGES_AT_MOST + 1)
)
ONE = Often(
    LINES.join(Membership, Membership.conversation_id == Message.conversation_id).where(
        Message.id == bindparam("message_id"), Membership.user_id == bindparam("user_id")
    )
)


async def read_page(db: Reading, conversation_id: int, before: int) -> list[Line]:
    """The latest 50 messages whose place is before `before`, oldest first."""
    rows = (await db.execute(LATEST, {"conversation_id": conversation_id, "before": before})).all()
    return [_line(row) for row in reversed(rows)]


async def read_changes(db: Reading, conversation_id: int, after: int) -> list[Line]:
    """Every message that changed after that revision, in the order of their last changes; 501 where there are more."""
    return [_line(row) for row in await db.execute(CHANGED, {"conversation_id": conversation_id, "after": after})]


async def find_message(db: Reading, user_id: int, message_id: int) -> Line:
    """One message, through that user's membership. Raises NotThere."""
    row = (await db.execute(ONE, {"message_id": message_id, "user_id": user_id})).one_or_none()
    if not row:
        raise NotThere
    return _line(row)


async def find_own_message(db: Reading, user_id: int, message_id: int) -> Line:
    """One message that its author can still change. Raises NotThere for everybody else, and once it is deleted."""
    line = await find_message(db, user_id, message_id)
    if line.author_id != user_id or line.deleted:
        raise NotThere
    return line


def _line(row: Row[tuple[object, ...]]) -> Line:
    return Line(
        row.id,
        row.conversation_id,
        row.seq,
        row.posted_revision,
        row.revision,
        row.author_id,
        row.author_name,
        row.text,
        row.posted_at,
        row.edited_at is not None,
        row.continues,
        row.opens_day,
        row.key,
        as_sound(row),
        row.played,
    )
