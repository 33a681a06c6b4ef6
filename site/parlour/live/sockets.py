"""One open page: its wire, whose it is, and how far it has been told."""

from collections import defaultdict
from datetime import datetime

from parlour.conversations.marks import Marks
from parlour.live.wire import Wire


class Socket:
    """A page that listens. It is silent until it has said hello."""

    __slots__ = (
        "acted_at",
        "activity",
        "address",
        "conversation_id",
        "cursor",
        "ends_at",
        "frames",
        "frames_since",
        "greeted",
        "list_is_stale",
        "listing",
        "marks",
        "other_id",
        "session_id",
        "settling",
        "shown_at",
        "turn",
        "user_id",
        "wire",
    )

    def __init__(
        self,
        wire: Wire,
        *,
        user_id: int,
        session_id: int,
        ends_at: datetime,
        conversation_id: int | None,
        other_id: int | None,
        address: str,
    ) -> None:
        self.wire = wire
        self.user_id = user_id
        self.session_id = session_id
        self.ends_at = ends_at  # of its session, if nobody uses that meanwhile
        self.conversation_id = conversation_id
        self.other_id = other_id  # with whom one talks there
        self.address = address
        self.turn = 0  # when, among all pages, something is done that is done for each of them now and then
        self.cursor = 0
        self.greeted = False
        self.settling = False  # it is being told what it missed, and deliveries leave it alone meanwhile
        self.listing = False  # its whole list is being read, and single lines would come too early
        self.list_is_stale = False
        self.frames = 0  # what it sent lately, and since when
        self.frames_since = 0.0
        self.marks: Marks | None = None  # what it was told of the others' marks, and of what they do
        self.activity: str | None = None
        self.acted_at = 0.0  # when its person was last heard to do something
        self.shown_at = 0.0  # … and when it was last said to be before their eyes

    @property
    def listens(self) -> bool:
        """Whether a frame that comes next may be written to it at once."""
        return self.greeted and not self.settling and not self.wire.closing and self.wire.writable


class Outbox:
    """What one happening tells each page, written in one go: to hand bytes to the kernel costs more than to make them.

    It has to be sent before anybody else may write, since pages are told things in their order.
    """

    def __init__(self) -> None:
        self._frames: defaultdict[Socket, list[bytes]] = defaultdict(list)

    def put(self, page: Socket, frame: bytes) -> None:
        self._frames[page].append(frame)

    def send(self) -> None:
        for page, frames in self._frames.items():
            page.wire.write(b"".join(frames))
        self._frames.clear()
