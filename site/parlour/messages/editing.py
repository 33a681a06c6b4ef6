"""Changing what one said, and taking it back."""

from datetime import UTC, datetime

from sqlalchemy import bindparam, select, update

from parlour.conversations.marks import stays_unshown
from parlour.conversations.memberships import all_give_receipts
from parlour.conversations.models import Conversation, Membership
from parlour.db import Often, Reading, Transaction
from parlour.errors import NotThere
from parlour.events import ConversationChanged
from parlour.messages.history import Line
from parlour.messages.models import Message
from parlour.messages.reading import note_deleted
from parlour.voice.recordings import forget

OF_RECORDING = Often(select(Message.id, Message.conversation_id).where(Message.recording_id == bindparam("wanted")))
TAKE_REVISION = Often(
    update(Conversation)
    .where(Conversation.id == bindparam("changed"))
    .values(revision=Conversation.revision + 1)
    .returning(Conversation.revision)
)


async def edit(db: Transaction, line: Line, text: str) -> int:
    """Gives the message this text; the conversation's new revision. Raises NotThere once it is deleted."""
    return await _change(db, line.id, line.conversation_id, {"text": text, "edited_at": datetime.now(UTC)})


async def delete(db: Transaction, line: Line) -> tuple[int, list[str]]:
    """Leaves a tombstone, and nothing of what was said. Raises NotThere the second time.

    The conversation's new revision, and what is to be removed from the store of recordings once this is committed.
    """
    gone: dict[str, object] = {"text": None, "recording_id": None, "deleted_at": datetime.now(UTC)}
    revision = await _change(db, line.id, line.conversation_id, gone)
    await note_deleted(db, line.conversation_id, line.author_id, line.seq)
    return revision, await forget(db, line.recording.id) if line.recording else []


async def redraw(db: Transaction, recording_id: int) -> None:
    """The recording of a message has changed, and its row is drawn anew everywhere."""
    if found := (await db.execute(OF_RECORDING, {"wanted": recording_id})).one_or_none():
        await _change(db, found.id, found.conversation_id, {})


async def mark_played(db: Transaction, user_id: int, recording_id: int) -> None:
    """Tells the author that somebody else has played it, if both give receipts at this moment; otherwise never.

    What was read without receipts stays as it is, too.
    """
    mine = (Membership.conversation_id == Message.conversation_id) & (Membership.user_id == user_id)
    asked = (
        select(Message.id, Message.conversation_id, Message.seq, Membership.unshown)
        .join(Membership, mine)
        .where(Message.recording_id == recording_id, Message.author_id != user_id, ~Message.played)
    )
    found = (await db.execute(asked)).one_or_none()
    if found and not stays_unshown(found.unshown, found.seq) and await all_give_receipts(db, found.conversation_id):
        await _change(db, found.id, found.conversation_id, {"played": True})


async def was_edited_after(db: Reading, line: Line, moment: datetime) -> bool:
    """Whether the message got another text later than that."""
    asked = select(Message.id).where(Message.id == line.id, Message.edited_at > moment)
    return (await db.execute(asked)).first() is not None


async def _change(db: Transaction, message_id: int, conversation_id: int, values: dict[str, object]) -> int:
    # The revision is handed out under the conversation's row lock, so that its order is the order of commits.
    taken = await db.execute(TAKE_REVISION, {"changed": conversation_id})
    revision = int(taken.one().revision)
    changed = await db.execute(
        update(Message)
        .where(Message.id == message_id, Message.deleted_at.is_(None))
        .values(revision=revision, **values)
        .returning(Message.id)
    )
    if not changed.all():
        raise NotThere
    db.announce(ConversationChanged(conversation_id, revision))
    return revision
