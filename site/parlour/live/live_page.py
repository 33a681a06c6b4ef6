"""One open live page: an answer without an end, whose it is, and how far it has been told."""

import asyncio
from datetime import datetime
from enum import Enum

from parlour.conversations.marks import Marks
from parlour.inbox.listing import Entry


class Ending(Enum):
    """Why a live page ends; its last words are told by that."""

    AGE = "age"  # it has lived, or grown, long enough, and goes on as a new page
    RESTART = "restart"
    OTHER_PAGES = "other_pages"  # its session opened more of them than a browser has connections for
    SIGNED_OUT = "signed_out"
    REMOVED = "removed"
    GONE = "gone"  # nobody is there to hear last words


class LivePage:
    """A page that hears. What happens is only noted here; the page's own task writes what comes after its cursor."""

    __slots__ = (
        "_more",
        "conversation_id",
        "cursor",
        "elsewhere",
        "ending",
        "ends_at",
        "entries",
        "marks",
        "newest",
        "reads",
        "seen",
        "session_id",
        "user_id",
    )

    def __init__(
        self, *, user_id: int, session_id: int, ends_at: datetime, conversation_id: int | None, reads: bool
    ) -> None:
        self.user_id = user_id
        self.session_id = session_id
        self.ends_at = ends_at  # of its session, if nobody uses that meanwhile
        self.conversation_id = conversation_id  # None for the inbox
        self.cursor = 0  # the revision up to which it was told
        self.newest = 0  # the highest revision that was heard of
        self.reads = reads  # whether somebody reads what is shown
        self.seen = 0  # the place of the newest message that is noted as read
        self.entries: dict[int, Entry] = {}  # lines of the inbox that changed and are not told yet
        self.marks: Marks | None = None  # what its viewer may know of how far the others have read
        self.elsewhere = 0  # how much is unread in the viewer's other conversations
        self.ending: Ending | None = None
        self._more = asyncio.Event()

    def hear(self, revision: int) -> None:
        """Notes that the conversation has changed."""
        if revision > self.newest:
            self.newest = revision
            self._more.set()

    def show(self, entry: Entry) -> None:
        """Notes that a line of the inbox has changed."""
        self.entries[entry.conversation_id] = entry
        self._more.set()

    def mark(self, marks: Marks) -> None:
        """Notes how far the others have been told, and have read."""
        if marks != self.marks:
            self.marks = marks
            self._more.set()

    def count(self, elsewhere: int) -> None:
        """Notes how much is unread in the viewer's other conversations."""
        if elsewhere != self.elsewhere:
            self.elsewhere = elsewhere
            self._more.set()

    def end(self, why: Ending) -> None:
        """Ends the page, once and for one reason."""
        if self.ending is None:
            self.ending = why
            self._more.set()

    def leave(self) -> None:
        """Nobody is there any more."""
        self.end(Ending.GONE)

    async def wait(self, at_most_s: float) -> bool:
        """Waits until something is noted; False when nothing was for so long."""
        try:
            async with asyncio.timeout(at_most_s):
                await self._more.wait()
        except TimeoutError:
            return False
        self._more.clear()
        return True
