"""What a member decides for one conversation: whether to give read receipts here, and for how long to hear nothing."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import update

from parlour.conversations.memberships import Place
from parlour.conversations.models import Membership
from parlour.db import Transaction
from parlour.errors import Refusal

FOR_EVER = datetime(9999, 1, 1, tzinfo=UTC)
NOT_MUTED, ALWAYS = "Not muted", "Always"
MUTED_FOR = {"8 hours": timedelta(hours=8), "A week": timedelta(days=7)}
MUTES = (NOT_MUTED, *MUTED_FOR, ALWAYS)


class UnknownMute(Refusal):
    """A length of time that the form does not offer."""

    sentence = "For how long to mute this conversation was not understood. Please choose one of the list."


def is_muted(muted_until: datetime | None) -> bool:
    """Whether nothing should be told of a conversation now."""
    return muted_until is not None and muted_until > datetime.now(UTC)


def chosen_mute(muted_until: datetime | None) -> str:
    """The choice that stands for how it is now: the shortest one that covers what is left."""
    if muted_until is None or not is_muted(muted_until):
        return NOT_MUTED
    left = muted_until - datetime.now(UTC)
    return next((choice for choice, length in MUTED_FOR.items() if left <= length), ALWAYS)


async def save_settings(db: Transaction, place: Place, *, gives_receipts: bool, mute: str) -> None:
    """Remembers both; a mute that stays as chosen goes on, and does not begin again. Raises UnknownMute."""
    if mute not in MUTES:
        raise UnknownMute
    muted_until = place.muted_until
    if mute != chosen_mute(muted_until):
        now = datetime.now(UTC)
        muted_until = None if mute == NOT_MUTED else FOR_EVER if mute == ALWAYS else now + MUTED_FOR[mute]
    await db.execute(
        update(Membership)
        .where(Membership.conversation_id == place.id, Membership.user_id == place.user_id)
        .values(gives_receipts=gives_receipts, muted_until=muted_until)
    )
