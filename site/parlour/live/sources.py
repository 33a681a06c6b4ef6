"""What live pages are about: the messages of a conversation, or the list of conversations."""

import msgspec

from parlour.conversations.marks import DELIVERED, READ, SENT, marks_for, read_standings
from parlour.conversations.memberships import enter
from parlour.db import Database
from parlour.forms import GREATEST_ID
from parlour.inbox.listing import Entry, list_conversations
from parlour.live.lines import Lines, with_all_sources
from parlour.live.live_page import LivePage
from parlour.live.shown import Shown
from parlour.messages.drawing import as_page
from parlour.messages.feed import Feed, in_order
from parlour.messages.history import read_page
from parlour.voice.listened import read_listened

STATES = (SENT, DELIVERED, READ)  # each goes further than those before it
ENTRIES_AT_MOST = 20  # the page around it lists the others


class Above(msgspec.Struct, frozen=True):
    """The viewer's own last message on the page around: its place, and how far that page says that it has come."""

    seq: int
    state: str


class Start(msgspec.Struct, frozen=True):
    """Where a page begins: after a revision, or with the newest messages, which a page around it may show already."""

    after: int | None
    around: int | None
    above: Above | None = None


class Messages:
    """A conversation: rows that are there already, and whatever changes after the page's cursor."""

    def __init__(self, page: LivePage, start: Start, database: Database, feed: Feed, token: str) -> None:
        self.page = page
        self._conversation_id = page.conversation_id or 0
        self.place = f"/conversations/{self._conversation_id}"
        self._start = start
        self._database = database
        self._feed = feed
        self._token = token  # of the forms in the document
        self._mine = 0  # the place of the viewer's own last message
        self._marked = (SENT, 0)  # what was said last of how far it has come
        self._name = ""  # of the other one
        self._said_above = start.above.state if start.above else READ  # of the message on the page around
        self._elsewhere = 0  # what was said last of how much is unread there
        self._shown = Shown()
        self.seen = 0  # the place of the last message that was given

    @property
    def address(self) -> str:
        above = self._start.above
        carried = f"&{above.state.lower()}={above.seq}" if above else ""
        return f"{self.place}/live?after={self.page.cursor}{carried}"

    async def begin(self, lines: Lines) -> tuple[str, str]:
        page, start = self.page, self._start
        async with self._database.reading() as db:
            place = await enter(db, page.user_id, self._conversation_id)
            # A cursor of a time that has been undone, such as before a restored backup, is none.
            after = start.after if start.after is not None and start.after <= place.revision else None
            rows = await read_page(db, place.id, GREATEST_ID) if after is None else []
            standings = await read_standings(db, place.id)
            listened = await read_listened(db, page.user_id, [row.recording.id for row in rows if row.recording])
        self._name = place.name
        around = start.around if after is None else None
        page.cursor = min(
            place.revision, next((known for known in (after, around) if known is not None), place.revision)
        )
        page.newest = max(page.newest, place.revision)
        # What was said while they were looked up comes about as everything else does.
        rows = [with_all_sources(row) for row in rows if row.posted_revision <= page.cursor]
        self.seen = rows[-1].seq if rows else 0
        self._mine = max([0, *(row.seq for row in rows if row.author_id == page.user_id)])
        page.marks = page.marks or marks_for(standings, page.user_id)
        self._marked = (page.marks.state_of(self._mine), self._mine)
        begins = "around" if around is not None else "newest" if after is None else "after"
        if begins == "around":
            self._shown.begun = bool(rows)  # what is below them goes on; they themselves are out of view
        else:
            for row in rows:
                self._shown.add(row)
        before, between, behind = lines.document(
            "live/messages.html", conversation=place, begins=begins, nothing=not rows, token=self._token
        )
        return before + lines.rows(
            as_page(rows, page.user_id, listened, marks_for(standings, page.user_id))
        ) + between, behind

    async def fresh(self, lines: Lines, at_most: int) -> tuple[str, int]:
        page = self.page
        if page.newest <= page.cursor:
            return self._asides(lines), 0
        after, reaching = page.cursor, page.newest
        portion = in_order(await self._feed.portion(self._conversation_id, after, reaching), after)
        news = portion[:at_most]
        # A page that goes on must not take a message for a known one, only since it was changed after its birth.
        cut = news[-1].place_after(after) if len(news) < len(portion) else 0
        page.cursor = cut or max((change.line.revision for change in news), default=reaching)
        self.seen = max([self.seen, *(change.line.seq for change in news if change.line.posted_revision > after)])
        self._mine = max([self._mine, *(change.line.seq for change in news if change.line.author_id == page.user_id)])
        return lines.changes(news, page.user_id, after, self._shown) + self._asides(lines), len(news)

    def _asides(self, lines: Lines) -> str:
        """What is told beside the rows. It counts for none: it is seldom said, and each takes the place of another."""
        return self._mark(lines) + self._tell_above(lines) + self._count(lines)

    def _mark(self, lines: Lines) -> str:
        """Says of all rows before it how far they have come, if that is more than was said."""
        marks = self.page.marks
        if not marks or not self._mine:
            return ""
        # What was read unseen shows as no more than delivered, and so does whatever stands beside it.
        state = DELIVERED if marks.unshown and marks.delivered >= self._mine else marks.state_of(self._mine)
        if state == SENT or (state, self._mine) == self._marked:
            return ""
        self._marked = (state, self._mine)
        return lines.mark(state)

    def _tell_above(self, lines: Lines) -> str:
        above, marks = self._start.above, self.page.marks
        state = marks.state_of(above.seq) if above and marks else SENT
        if STATES.index(state) <= STATES.index(self._said_above):
            return ""
        self._said_above = state
        return lines.above(state, self._name)

    def _count(self, lines: Lines) -> str:
        if self.page.elsewhere == self._elsewhere:
            return ""
        self._elsewhere = self.page.elsewhere
        return lines.elsewhere(self._elsewhere)


class Inbox:
    """What is unread, anew whenever that changes."""

    place = "/"
    address = "/inbox/live"
    seen = 0

    def __init__(self, page: LivePage, database: Database) -> None:
        self.page = page
        self._database = database
        self._entries: dict[int, Entry] = {}

    async def begin(self, lines: Lines) -> tuple[str, str]:
        async with self._database.reading() as db:
            entries = await list_conversations(db, self.page.user_id)
        self._entries = {entry.conversation_id: entry for entry in entries}
        before, behind = lines.document("live/inbox.html")
        return before + lines.snapshot(self._unread), behind

    async def fresh(self, lines: Lines, at_most: int) -> tuple[str, int]:  # noqa: ARG002 — it is always one row
        changed, self.page.entries = self.page.entries, {}
        if not changed:
            return "", 0
        before = self._unread
        self._entries |= changed
        return ("", 0) if self._unread == before else (lines.snapshot(self._unread), 1)

    @property
    def _unread(self) -> list[Entry]:
        unread = [entry for entry in self._entries.values() if entry.unread]
        return sorted(unread, key=_moment, reverse=True)[:ENTRIES_AT_MOST]


def _moment(entry: Entry) -> tuple[float, int]:
    return (entry.at.timestamp() if entry.at else 0.0, entry.conversation_id)
