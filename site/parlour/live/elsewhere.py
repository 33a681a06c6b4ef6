"""Tells each live page of a conversation how much is unread in the others."""

import asyncio
from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import func, select

from parlour.conversations.memberships import UNREAD
from parlour.conversations.models import Conversation, Membership
from parlour.db import Among, Database, Reading, portions
from parlour.errors import Unavailable
from parlour.live.live_page import LivePage

PAUSE_S = 1.0  # a page gets no line for each word that is said elsewhere

Key = tuple[int, int]  # a conversation, and one of its members

HERE = Membership.__table__.alias("here")
UNREAD_ELSEWHERE = Among(
    select(HERE.c.conversation_id, HERE.c.user_id, func.sum(UNREAD).label("unread"))
    .select_from(HERE)
    .join(
        Membership,
        (Membership.user_id == HERE.c.user_id) & (Membership.conversation_id != HERE.c.conversation_id),
    )
    .join(Conversation, Conversation.id == Membership.conversation_id)
    .group_by(HERE.c.conversation_id, HERE.c.user_id),
    HERE.c.conversation_id,
    HERE.c.user_id,
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
                    counts = await count_elsewhere(db, {(page.conversation_id or 0, page.user_id) for page in due})
                for page in due:
                    page.count(counts.get((page.conversation_id or 0, page.user_id), 0))
            except Unavailable:
                self._changed |= changed
                self._due |= due
                self._more.set()
            await asyncio.sleep(PAUSE_S)

    def _others(self, conversation_id: int, user_id: int) -> set[LivePage]:
        """The pages of this user that show another conversation."""
        return {page for page in self._by_user.get(user_id, ()) if page.conversation_id != conversation_id}


async def count_elsewhere(db: Reading, keys: Collection[Key]) -> dict[Key, int]:
    """How much is unread in all of a member's other conversations; whoever has none may be left out."""
    counts: dict[Key, int] = {}
    for portion in portions(keys):
        rows = await db.execute(*UNREAD_ELSEWHERE.of(portion))
        counts |= {(row.conversation_id, row.user_id): int(row.unread) for row in rows}
    return counts
