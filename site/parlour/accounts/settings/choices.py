"""What a person chose to show of themselves. Whoever hides something does not see it of others either."""

import msgspec
from sqlalchemy import bindparam, select, update

from parlour.accounts.models import User
from parlour.db import Reading, Transaction
from parlour.errors import Refusal
from parlour.events import ChoicesChanged

EVERYTHING, SENDER, MESSAGE = "everything", "sender", "message"
SHOWS = {EVERYTHING: "Everything", SENDER: "Sender only", MESSAGE: "Only that there is a message"}

CHOSEN = select(User.gives_receipts, User.shows_online, User.shows_typing, User.notifications_show).where(
    User.id == bindparam("user_id")
)


class UnknownChoice(Refusal):
    """Something that the form does not offer."""

    sentence = "What notifications may show was not understood. Please choose one of the three."


class Choices(msgspec.Struct, frozen=True):
    """Each of them holds from now on, never for what was before; fields bear the names of the columns."""

    gives_receipts: bool  # others may see what they have read
    shows_online: bool
    shows_typing: bool
    notifications_show: str  # a key of `SHOWS`


async def read_choices(db: Reading, user_id: int) -> Choices:
    """What this user chose, or what holds for those who chose nothing."""
    row = (await db.execute(CHOSEN, {"user_id": user_id})).one()
    return Choices(row.gives_receipts, row.shows_online, row.shows_typing, row.notifications_show)


async def save_choices(db: Transaction, user_id: int, choices: Choices) -> None:
    """Remembers what this user chose. Raises UnknownChoice."""
    if choices.notifications_show not in SHOWS:
        raise UnknownChoice
    await db.execute(update(User).where(User.id == user_id).values(msgspec.structs.asdict(choices)))
    db.announce(ChoicesChanged(user_id))
