"""The gate to a recording: through the message that it belongs to, and one's membership where that was said."""

import msgspec
from sqlalchemy import bindparam, select

from parlour.conversations.models import Membership
from parlour.db import Often, Reading
from parlour.errors import NotThere
from parlour.messages.models import Message
from parlour.voice.formats import Kind
from parlour.voice.models import Recording

THROUGH_THE_GATE = Often(
    select(
        Recording.id,
        Recording.name,
        Recording.kind,
        Recording.seconds,
        Recording.size_bytes,
        Recording.rendition_bytes,
        Message.conversation_id,
    )
    .join(Message, Message.recording_id == Recording.id)
    .join(Membership, Membership.conversation_id == Message.conversation_id)
    .where(
        Recording.id == bindparam("recording_id"),
        Membership.user_id == bindparam("user_id"),
        Message.deleted_at.is_(None),
    )
)


class Audible(msgspec.Struct, frozen=True):
    """A recording that somebody may hear, and its sizes in bytes by suffix."""

    id: int
    conversation_id: int
    name: str
    seconds: float
    sizes: dict[str, int]


async def find_audible(db: Reading, user_id: int, recording_id: int) -> Audible:
    """The recording, if that user may hear it. Raises NotThere."""
    row = (await db.execute(THROUGH_THE_GATE, {"recording_id": recording_id, "user_id": user_id})).one_or_none()
    if not row:
        raise NotThere
    rendition = {} if row.rendition_bytes is None else {Kind.M4A.value: row.rendition_bytes}
    return Audible(row.id, row.conversation_id, row.name, row.seconds, rendition | {row.kind: row.size_bytes})
