"""Of what people's browsers were told and still show; kept in the database, so that it outlives the process."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping

from sqlalchemy import bindparam, delete, insert, select

from parlour.db import Reading, Transaction
from parlour.notifications.models import PushTold

REMEMBERED_AT_MOST = 10_000  # conversations
Place = tuple[int, int]  # a conversation, and one of its members
THERE = (PushTold.conversation_id == bindparam("conversation")) & (PushTold.user_id == bindparam("member"))


class Told:
    """Where something may have been told, so that the database is asked about these places alone."""

    def __init__(self) -> None:
        self._members: OrderedDict[int, set[int]] = OrderedDict()

    def __contains__(self, place: Place) -> bool:
        return place[1] in self._members.get(place[0], ())

    def of(self, conversation_id: int) -> bool:
        """Whether any member of that conversation was told."""
        return conversation_id in self._members

    def add(self, places: Iterable[Place]) -> None:
        for conversation_id, user_id in places:
            self._members.setdefault(conversation_id, set()).add(user_id)
            self._members.move_to_end(conversation_id)
        while len(self._members) > REMEMBERED_AT_MOST:
            self._members.popitem(last=False)

    def discard(self, places: Iterable[Place]) -> None:
        for conversation_id, user_id in places:
            members = self._members.get(conversation_id, set())
            members.discard(user_id)
            if not members:
                self._members.pop(conversation_id, None)


async def find_told(db: Reading) -> list[Place]:
    """The places where something was told, by this process or another or one before."""
    asked = select(PushTold.conversation_id, PushTold.user_id).limit(REMEMBERED_AT_MOST)
    return [(row.conversation_id, row.user_id) for row in await db.execute(asked)]


async def take_turn(db: Transaction) -> None:
    """Until this is committed no other process decides who is told."""
    await db.take_turn("push told")


async def note_told(db: Transaction, told: Mapping[Place, int]) -> None:
    """From now on these are shown there, in place of what was."""
    await forget_told(db, told)
    if told:
        values = [{"conversation_id": place[0], "user_id": place[1], "seq": seq} for place, seq in told.items()]
        await db.execute(insert(PushTold), values)


async def forget_told(db: Transaction, places: Iterable[Place]) -> None:
    """Nothing is shown there any more."""
    gone = [{"conversation": conversation_id, "member": user_id} for conversation_id, user_id in places]
    if gone:
        await db.execute(delete(PushTold).where(THERE), gone)
