"""Every live page of this process, and what each of them has to hear of."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import select

from parlour.accounts.sessions import Lifetime, find_ends
from parlour.conversations.marks import deliver, marks_for, read_standings
from parlour.conversations.memberships import enter
from parlour.conversations.models import Conversation
from parlour.db import Database
from parlour.errors import NotThere, Unavailable
from parlour.events import (
    ConversationChanged,
    ConversationStarted,
    Event,
    HubReconnected,
    MarksMoved,
    ReadMarkMoved,
    SessionsEnded,
)
from parlour.inbox.listing import Entry, list_members
from parlour.live.company import Company
from parlour.live.elsewhere import Elsewhere
from parlour.live.live_page import Ending, LivePage
from parlour.live.works import Works
from parlour.messages.reading import read_up_to

PAGES_PER_SESSION = 2  # a browser opens six connections to one host, and other pages need some
WATCH_SESSIONS_EVERY_S = 0.5
LOOK_EVERY_S = 30.0  # a wake-up that was lost delays by this much
TRY_AGAIN_S = 1.0


class LivePages:
    """Hears what happens, and wakes the pages that should know: a membership is asked for once a change, not a page."""

    def __init__(self, database: Database, lifetime: Lifetime, company: Company, leaving: asyncio.Event) -> None:
        self._database = database
        self._lifetime = lifetime
        self._company = company
        self._elsewhere = Elsewhere(database)
        self._by_conversation: defaultdict[int | None, set[LivePage]] = defaultdict(set)  # the inboxes' at None
        self._by_session: defaultdict[int, list[LivePage]] = defaultdict(list)  # the oldest first
        self._changed: dict[int, int] = {}  # the newest revision that was heard of, of conversations to be told
        self._read: dict[tuple[int, int], int] = {}  # up to which place, by conversation and user
        self._came: dict[tuple[int, int], int] = {}  # and what came to the inboxes
        self._marked: set[int] = set()  # conversations in which somebody was told, or has read
        self._more = asyncio.Event()
        self._look_now = asyncio.Event()
        self._works = Works()
        self._leaving = leaving  # set as soon as the server is told to stop

    def start(self) -> None:
        self._works.start(self._tell, self._watch, self._look, self._leave, self._elsewhere.tell)

    async def stop(self) -> None:
        await self._works.stop()

    def enter(self, page: LivePage) -> None:
        """From here on the page hears what happens. Where its session has too many, the oldest ends."""
        self._by_conversation[page.conversation_id].add(page)
        pages = self._by_session[page.session_id]
        pages.append(page)
        self._company.hold(page.user_id)
        if page.conversation_id is not None:
            self._elsewhere.watch(page)
        living = [each for each in pages if each.ending is None]
        for oldest in living[:-PAGES_PER_SESSION]:
            oldest.end(Ending.OTHER_PAGES)
        if self._leaving.is_set():
            page.end(Ending.RESTART)

    def go(self, page: LivePage) -> None:
        self._by_conversation[page.conversation_id].discard(page)
        if not self._by_conversation[page.conversation_id]:
            del self._by_conversation[page.conversation_id]
        self._company.release(page.user_id)
        self._elsewhere.leave(page)
        self._by_session[page.session_id].remove(page)
        if not self._by_session[page.session_id]:
            del self._by_session[page.session_id]

    def hear(self, events: Sequence[Event]) -> None:
        """Notes what happened; pages are woken soon. Never waits."""
        if not self._by_session:
            return
        for event in events:
            match event:
                case ConversationChanged(conversation_id, revision):
                    self._note(conversation_id, revision)
                    self._elsewhere.note_change(conversation_id)
                case ReadMarkMoved(conversation_id, user_id):
                    self._note(conversation_id, 0)
                    self._elsewhere.note_reading(conversation_id, user_id)
                case ConversationStarted(conversation_id):
                    self._note(conversation_id, 0)
                case MarksMoved(conversation_id) if conversation_id in self._by_conversation:
                    self._marked.add(conversation_id)
                    self._more.set()
                case SessionsEnded(session_ids):
                    for session_id in session_ids:
                        self._end_session(session_id)
                case HubReconnected():
                    self._look_now.set()

    def read(self, page: LivePage, seq: int) -> None:
        """Notes that a page has shown the messages up to this place; it is written down soon."""
        if page.reads and page.conversation_id is not None and seq > page.seen:
            page.seen = seq
            key = (page.conversation_id, page.user_id)
            self._read[key] = max(seq, self._read.get(key, 0))
            self._more.set()

    def _note(self, conversation_id: int, revision: int) -> None:
        if conversation_id in self._by_conversation or None in self._by_conversation:
            self._changed[conversation_id] = max(revision, self._changed.get(conversation_id, 0))
            self._more.set()

    def _end_session(self, session_id: int) -> None:
        for page in self._by_session.get(session_id, ()):
            page.end(Ending.SIGNED_OUT)

    def _everyone(self) -> list[LivePage]:
        return [page for pages in self._by_session.values() for page in pages]

    async def _leave(self) -> None:
        """Ends every page once the server is told to stop."""
        await self._leaving.wait()
        for page in self._everyone():
            page.end(Ending.RESTART)

    async def _tell(self) -> None:
        while True:
            await self._more.wait()
            self._more.clear()
            changed, self._changed = self._changed, {}
            marked, self._marked = self._marked, set()
            try:
                if changed:
                    async with self._database.reading() as db:
                        members = await list_members(db, changed)
                    for conversation_id, revision in changed.items():
                        self._wake(conversation_id, revision, members[conversation_id])
                for conversation_id in marked:
                    await self._mark(conversation_id)
                await self._write_down()
            except Unavailable:
                for conversation_id, revision in changed.items():
                    self._note(conversation_id, revision)
                self._marked |= marked
                await asyncio.sleep(TRY_AGAIN_S)
                self._more.set()

    def _wake(self, conversation_id: int, revision: int, members: dict[int, Entry]) -> None:
        for page in tuple(self._by_conversation.get(conversation_id, ())):
            if page.user_id in members:
                page.hear(revision)
            else:
                page.end(Ending.REMOVED)
        for page in tuple(self._by_conversation.get(None, ())):
            if entry := members.get(page.user_id):
                page.show(entry)
                if entry.undelivered:
                    self._came[conversation_id, page.user_id] = entry.undelivered

    async def _mark(self, conversation_id: int) -> None:
        async with self._database.reading() as db:
            standings = await read_standings(db, conversation_id)
        for page in tuple(self._by_conversation.get(conversation_id, ())):
            page.mark(marks_for(standings, page.user_id))

    async def _write_down(self) -> None:
        """Notes what was read, and what came to the inboxes; what cannot be noted now is noted next time."""
        read, came = self._read, self._came
        if not read and not came:
            return
        self._read, self._came = {}, {}
        try:
            # Marks are moved in the order in which everybody moves them, and one kind at a time: whoever has some and
            # waits for others would have those wait for ever who post meanwhile.
            async with self._database.transaction() as db:
                for (conversation_id, user_id), seq in sorted(read.items()):
                    with contextlib.suppress(NotThere):  # who was removed meanwhile has read nothing
                        await read_up_to(db, await enter(db, user_id, conversation_id), seq)
            read = {}
            if came:
                async with self._database.transaction() as db:
                    await deliver(db, came)
        except Unavailable:
            self._read, self._came = read | self._read, came | self._came
            raise

    async def _watch(self) -> None:
        """Ends the pages of sessions that are over; an open page is no use of its session."""
        while True:
            await asyncio.sleep(WATCH_SESSIONS_EVERY_S)
            now = datetime.now(UTC)
            due = {page.session_id for page in self._everyone() if page.ends_at <= now}
            if due:
                with contextlib.suppress(Unavailable):
                    await self._check_sessions(sorted(due))

    async def _look(self) -> None:
        """Finds what an event that was lost on its way would have told."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._look_now.wait()
            self._look_now.clear()
            self._elsewhere.note_everything()
            with contextlib.suppress(Unavailable):
                await self._check_sessions(list(self._by_session))
                open_ones = [known for known in self._by_conversation if known is not None]
                async with self._database.reading() as db:
                    asked = select(Conversation.id, Conversation.revision).where(Conversation.id.in_(open_ones))
                    rows = (await db.execute(asked)).all()
                for row in rows:
                    if any(page.newest < row.revision for page in self._by_conversation.get(row.id, ())):
                        self._note(row.id, row.revision)

    async def check_session(self, page: LivePage) -> None:
        """Ends a page that has just come in if its session has ended meanwhile."""
        await self._check_sessions([page.session_id])

    async def _check_sessions(self, session_ids: list[int]) -> None:
        async with self._database.reading() as db:
            ends = await find_ends(db, session_ids, self._lifetime)
        now = datetime.now(UTC)
        for session_id in session_ids:
            if session_id not in ends or ends[session_id] <= now:
                self._end_session(session_id)
            for page in self._by_session.get(session_id, ()):
                page.ends_at = ends.get(session_id, now)
