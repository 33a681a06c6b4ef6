"""Tells each live page of a conversation how much is unread in the others."""

import asyncio
from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import select

from parlour.conversations.memberships import UNREAD
from parlour.conversations.models import Conversation, Membership
from parlour.db import Among, Database, Reading, portions
from parlour.errors import Unavailable
from parlour.live.live_page import LivePage

PAUSE_S = 1.0  # a page gets no line for each word that is said elsewhere
USERS_AT_ONCE = 20  # an embedded database holds everybody up while it counts

Unread = dict[int, int]  # how many messages, by conversation; those with none are left out

UNREAD_OF_USERS = Among(
    select(Membership.user_id, Membership.conversation_id, UNREAD.label("unread"))
    .join(Conversation, Conversation.id == Membership.conversation_id)
    .where(UNREAD > 0),
    Membership.user_id,
)
MEMBERS = Among(select(Membership.conversation_id, Membership.user_id), Membership.conversation_id)


class Elsewhere:
    """Hears of what changes, and counts anew for the pages whose viewers it concerns: for all of them at once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._by_user: defaultdict[int, set[LivePage]] = defaultdict(set)
        self._changed: set[int] = set()  # conversations whose members are to be looked up
        self._due: set[LivePage] = set()  # pages for which is to be counted
        self._more = asyncio.Event()

    def watch(self, page: LivePage) -> None:
        """From here on the page is told: at once what is unread now, and whenever that changes."""
        self._by_user[page.user_id].add(page)
        self._due.add(page)
        self._more.set()

    def leave(self, page: LivePage) -> None:
        self._by_user[page.user_id].discard(page)
        if not self._by_user[page.user_id]:
            del self._by_user[page.user_id]
        self._due.discard(page)

    def note_change(self, conversation_id: int) -> None:
        """Something was said, or taken back."""
        if self._by_user:
            self._changed.add(conversation_id)
            self._more.set()

    def note_reading(self, conversation_id: int, user_id: int) -> None:
        """A member's read mark has moved."""
        self._due |= self._others(conversation_id, user_id)
        self._more.set()

    def note_everything(self) -> None:
        """Anything may have happened."""
        self._due.update(*self._by_user.values())
        self._more.set()

    async def tell(self) -> None:
        """Counts whatever is due, for as long as the house is open."""
        while True:
            await self._more.wait()
            self._more.clear()
            changed, self._changed = self._changed, set()
            due, self._due = self._due, set()
            try:
                async with self._database.reading() as db:
                    for portion in portions(changed):
                        for row in await db.execute(*MEMBERS.of(portion)):
                            due |= self._others(row.conversation_id, row.user_id)
                await self._count(due)
            except Unavailable:
                self._changed |= changed
                self._due |= due
                self._more.set()
            await asyncio.sleep(PAUSE_S)

    async def _count(self, due: Collection[LivePage]) -> None:
        users = list({page.user_id for page in due})
        for start in range(0, len(users), USERS_AT_ONCE):
            async with self._database.reading() as db:
                unread = await read_unread(db, users[start : start + USERS_AT_ONCE])
            for page in due:
                if page.user_id in unread:
                    page.count(count_elsewhere(unread[page.user_id], page.conversation_id))
            await asyncio.sleep(0)  # whoever else waits has their turn

    def _others(self, conversation_id: int, user_id: int) -> set[LivePage]:
        """The pages of this user that show another conversation."""
        return {page for page in self._by_user.get(user_id, ()) if page.conversation_id != conversation_id}


async def read_unread(db: Reading, user_ids: Collection[int]) -> dict[int, Unread]:
    """What each of these users has not read."""
    unread: dict[int, Unread] = {user_id: {} for user_id in user_ids}
    for row in await db.execute(*UNREAD_OF_USERS.of(user_ids)):
        unread[row.user_id][row.conversation_id] = row.unread
    return unread


def count_elsewhere(unread: Unread, conversation_id: int | None) -> int:
    """How much of that is in other conversations than this one."""
    return sum(count for where, count in unread.items() if where != conversation_id)
