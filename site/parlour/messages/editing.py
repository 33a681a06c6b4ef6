"""Changing what one said, and taking it back."""

from datetime import UTC, datetime

from sqlalchemy import update

from parlour.conversations.models import Conversation
from parlour.db import Transaction
from parlour.errors import NotThere
from parlour.events import ConversationChanged
from parlour.messages.history import Line
from parlour.messages.models import Message


async def edit(db: Transaction, line: Line, text: str) -> int:
    """Gives the message this text; the conversation's new revision. Raises NotThere once it is deleted."""
    return await _change(db, line, {"text": text, "edited_at": datetime.now(UTC)})


async def delete(db: Transaction, line: Line) -> int:
    """Leaves a tombstone, and nothing of the text; the conversation's new revision. Raises NotThere the second time."""
    return await _change(db, line, {"text": None, "deleted_at": datetime.now(UTC)})


async def _change(db: Transaction, line: Line, values: dict[str, object]) -> int:
    # The revision is handed out under the conversation's row lock, so that its order is the order of commits.
    taken = await db.execute(
        update(Conversation)
        .where(Conversation.id == line.conversation_id)
        .values(revision=Conversation.revision + 1)
        .returning(Conversation.revision)
    )
    revision = int(taken.one().revision)
    changed = await db.execute(
        update(Message)
        .where(Message.id == line.id, Message.deleted_at.is_(None))
        .values(revision=revision, **values)
        .returning(Message.id)
    )
    if not changed.all():
        raise NotThere
    db.announce(ConversationChanged(line.conversation_id, revision))
    return revision
