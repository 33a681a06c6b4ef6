"""Tells every open page what happened: loads a change once, draws it once for each kind of viewer, writes it to all."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import select

from parlour.accounts.sessions import Lifetime, find_ends
from parlour.conversations.memberships import enter
from parlour.conversations.models import Conversation
from parlour.db import Database
from parlour.errors import NotThere, Unavailable
from parlour.events import (
    ConversationChanged,
    ConversationStarted,
    Event,
    HubReconnected,
    ReadMarkMoved,
    SessionsEnded,
)
from parlour.inbox.listing import Entry, digest, list_conversations, list_members
from parlour.live.audience import Audience
from parlour.live.frames import Frames
from parlour.live.sockets import Socket
from parlour.messages.feed import Feed, TooFarBehind

log = logging.getLogger(__name__)

BEAT_EVERY_S = 15.0
LOOK_EVERY_S = 30.0  # a wake-up that was lost delays by this much
WATCH_SESSIONS_EVERY_S = 0.5
TRY_AGAIN_S = 1.0
NO_LONGER_ALLOWED = 1008


class Delivery:
    """Hears what happens, and tells the pages that should know."""

    def __init__(self, database: Database, feed: Feed, frames: Frames, audience: Audience, lifetime: Lifetime) -> None:
        self._database = database
        self._feed = feed
        self._frames = frames
        self._audience = audience
        self._lifetime = lifetime
        self._newest: dict[int, int] = {}  # the highest revision that was heard of, for open conversations
        self._changed: dict[int, int] = {}  # what waits to be told: conversations and their revisions
        self._listed: dict[int, set[int]] = {}  # … and lines of lists, by conversation, for these users
        self._started: set[int] = set()
        self._more = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        for task in (self._tell_what_waits, self._beat, self._look_again, self._watch_sessions):
            self._keep(asyncio.create_task(task(), name=task.__name__))

    async def stop(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def hear(self, events: Sequence[Event]) -> None:
        """Notes what happened; it is told soon. Never waits."""
        for event in events:
            match event:
                case ConversationChanged(conversation_id, revision):
                    self._note_change(conversation_id, revision)
                case ReadMarkMoved(conversation_id, user_id):
                    self._listed.setdefault(conversation_id, set()).add(user_id)
                case ConversationStarted(conversation_id):
                    self._started.add(conversation_id)
                case SessionsEnded(session_ids):
                    for session_id in session_ids:
                        self.end_session(session_id)
                case HubReconnected():
                    self._keep(asyncio.create_task(self._catch_up_with_others()))
        self._more.set()

    def end_session(self, session_id: int) -> None:
        """Tells the session's pages that they are signed out, as the last thing that they hear."""
        for socket in self._audience.of_session(session_id):
            self._dismiss(socket, self._frames.signed_out)

    async def check_session(self, page: Socket) -> None:
        """Dismisses a page that has just come in if its session has ended meanwhile."""
        await self._check_sessions([page.session_id])

    async def greet(self, socket: Socket, after: int, list_digest: str | None) -> None:
        """Answers a page's hello: what it missed, in order; from now on it hears what happens."""
        socket.cursor = after
        socket.greeted = True
        socket.wire.on_writable = lambda: self._keep(asyncio.create_task(self._settle_later(socket)))
        await self._settle(socket)
        if list_digest is not None:
            await self._refresh_list(socket, list_digest)
        socket.wire.write(self._frames.beat)

    async def _settle(self, socket: Socket) -> None:
        """Brings a page up to now, however long that takes; deliveries leave it alone meanwhile."""
        if socket.conversation_id is None or socket.settling:
            return
        socket.settling = True
        try:
            while not socket.wire.closing:
                await self._send_missed(socket, socket.conversation_id)
                if self._newest.get(socket.conversation_id, 0) <= socket.cursor:
                    break
        finally:
            socket.settling = False

    async def _send_missed(self, socket: Socket, conversation_id: int) -> None:
        try:
            async with self._database.reading() as db:
                place = await enter(db, socket.user_id, conversation_id)
        except NotThere:
            self._dismiss(socket, self._frames.removed)
            return
        try:
            if (
                socket.cursor > place.revision
            ):  # a page of a time that has been undone, such as before a restored backup
                raise TooFarBehind
            missed = await self._feed.after(conversation_id, socket.cursor, place.revision)
        except TooFarBehind:
            socket.cursor = max(place.revision, self._newest.get(conversation_id, 0))
            socket.wire.write(self._frames.reload)
            return
        if missed.changes:
            socket.wire.write(self._frames.changes(missed.changes, socket.user_id, socket.cursor, missed.revision))
        socket.cursor = max(socket.cursor, missed.revision)
        await socket.wire.drain()

    async def _settle_later(self, socket: Socket) -> None:
        """A slow reader takes frames again, and is told what it was not told meanwhile."""
        await self._settle(socket)
        if socket.list_is_stale and socket.listens:
            socket.list_is_stale = False
            await self._refresh_list(socket, "")

    async def _refresh_list(self, socket: Socket, known: str) -> None:
        async with self._database.reading() as db:
            entries = await list_conversations(db, socket.user_id, socket.conversation_id)
        if digest(entries) != known:
            socket.wire.write(self._frames.whole_list(entries))

    async def _tell_what_waits(self) -> None:
        while True:
            await self._more.wait()
            self._more.clear()
            changed, self._changed = self._changed, {}
            listed, self._listed = self._listed, {}
            started, self._started = self._started, set()
            try:
                for conversation_id, revision in changed.items():
                    await self._tell_change(conversation_id, revision)
                for conversation_id in started:
                    await self._tell_lists(conversation_id, None, moved=True)
                for conversation_id, user_ids in listed.items():
                    await self._tell_lists(conversation_id, user_ids, moved=False)
            except Unavailable:
                # Nothing is lost: whoever was not told is told what comes after their cursor, next time.
                for conversation_id, revision in changed.items():
                    self._note_change(conversation_id, revision)
                self._started |= started
                await asyncio.sleep(TRY_AGAIN_S)
                self._more.set()

    async def _tell_change(self, conversation_id: int, revision: int) -> None:
        pages = self._audience.in_conversation(conversation_id)
        async with self._database.reading() as db:
            members = await list_members(db, conversation_id)
        oldest = min((page.cursor for page in pages if page.listens), default=revision - 1)
        try:
            news = await self._feed.after(conversation_id, min(oldest, revision - 1), revision)
        except TooFarBehind:
            for page in pages:
                self._keep(asyncio.create_task(self._settle(page)))
            return
        moved = any(change.line.posted_revision > oldest for change in news.changes)
        told: dict[tuple[object, ...], bytes] = {}
        for page in pages:
            if page.user_id not in members:
                self._dismiss(page, self._frames.removed)
            elif page.listens and page.cursor < news.revision:
                mine = tuple(change.line.author_id == page.user_id for change in news.changes)
                kind = (page.cursor, mine)
                if kind not in told:
                    missed = [change for change in news.changes if change.line.revision > page.cursor]
                    told[kind] = self._frames.changes(missed, page.user_id, page.cursor, news.revision)
                page.cursor = news.revision
                page.wire.write(told[kind])
        self._write_lines(members, None, moved=moved)

    async def _tell_lists(self, conversation_id: int, user_ids: set[int] | None, *, moved: bool) -> None:
        async with self._database.reading() as db:
            members = await list_members(db, conversation_id)
        self._write_lines(members, user_ids, moved=moved)

    def _write_lines(self, members: dict[int, Entry], user_ids: set[int] | None, *, moved: bool) -> None:
        """Writes a conversation's line to the lists of these members; of all of them where none are named."""
        for user_id, entry in members.items():
            if user_ids is not None and user_id not in user_ids:
                continue
            drawn: dict[bool, bytes] = {}
            for page in self._audience.of_user(user_id):
                is_open = page.conversation_id == entry.conversation_id
                if page.listens:
                    if is_open not in drawn:
                        drawn[is_open] = self._frames.entry(entry.opened() if is_open else entry, moved=moved)
                    page.wire.write(drawn[is_open])
                elif page.greeted:
                    page.list_is_stale = True

    def _note_change(self, conversation_id: int, revision: int) -> None:
        self._changed[conversation_id] = max(revision, self._changed.get(conversation_id, 0))
        if self._audience.in_conversation(conversation_id):
            self._newest[conversation_id] = max(revision, self._newest.get(conversation_id, 0))
        else:
            self._newest.pop(conversation_id, None)

    def _dismiss(self, page: Socket, last_words: bytes) -> None:
        page.greeted = False
        page.wire.write(last_words)
        page.wire.close(NO_LONGER_ALLOWED)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_EVERY_S)
            for page in self._audience.everyone():
                if page.listens:
                    page.wire.write(self._frames.beat)

    async def _look_again(self) -> None:
        """Finds what an event that was lost on its way would have told."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            with contextlib.suppress(Unavailable):
                await self._look()

    async def _look(self) -> None:
        behind = {page.conversation_id: page.cursor for page in self._audience.everyone() if page.conversation_id}
        if not behind:
            return
        async with self._database.reading() as db:
            rows = await db.execute(
                select(Conversation.id, Conversation.revision).where(Conversation.id.in_(self._audience.conversations))
            )
            newer = [(row.id, row.revision) for row in rows]
        for conversation_id, revision in newer:
            if any(page.cursor < revision for page in self._audience.in_conversation(conversation_id)):
                self._note_change(conversation_id, revision)
        self._more.set()

    async def _watch_sessions(self) -> None:
        """Ends the pages of sessions that are over; an open page is no use of its session."""
        while True:
            await asyncio.sleep(WATCH_SESSIONS_EVERY_S)
            now = datetime.now(UTC)
            due = {page.session_id for page in self._audience.everyone() if page.ends_at <= now}
            if due:
                with contextlib.suppress(Unavailable):
                    await self._check_sessions(sorted(due))

    async def _check_sessions(self, session_ids: list[int]) -> None:
        async with self._database.reading() as db:
            ends = await find_ends(db, session_ids, self._lifetime)
        now = datetime.now(UTC)
        for session_id in session_ids:
            if session_id not in ends or ends[session_id] <= now:
                self.end_session(session_id)
            else:
                for page in self._audience.of_session(session_id):
                    page.ends_at = ends[session_id]

    async def _catch_up_with_others(self) -> None:
        """After the line between processes was cut, everything is looked at once."""
        with contextlib.suppress(Unavailable):
            await self._check_sessions(self._audience.sessions)
            await self._look()
            for page in self._audience.everyone():
                if page.listens:
                    await self._refresh_list(page, "")

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("Telling the open pages failed.", exc_info=error)
            if again := getattr(self, task.get_name(), None):
                self._keep(asyncio.create_task(again(), name=task.get_name()))
