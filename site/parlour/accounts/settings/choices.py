"""What a person chose to show of themselves. Whoever hides something does not see it of others either."""

import msgspec
from sqlalchemy import bindparam, select, update

from parlour.accounts.models import User
from parlour.db import Reading, Transaction

CHOSEN = select(User.gives_receipts, User.shows_online, User.shows_typing).where(User.id == bindparam("user_id"))


class Choices(msgspec.Struct, frozen=True):
    """Each of them holds from now on, never for what was before; fields bear the names of the columns."""

    gives_receipts: bool  # others may see what they have read
    shows_online: bool
    shows_typing: bool


async def read_choices(db: Reading, user_id: int) -> Choices:
    """What this user chose, or what holds for those who chose nothing."""
    row = (await db.execute(CHOSEN, {"user_id": user_id})).one()
    return Choices(row.gives_receipts, row.shows_online, row.shows_typing)


async def save_choices(db: Transaction, user_id: int, choices: Choices) -> None:
    """Remembers what this user chose."""
    await db.execute(update(User).where(User.id == user_id).values(msgspec.structs.asdict(choices)))
