"""Tells every open page what happened: loads a change once, draws it once for each kind of viewer, writes it to all."""

import asyncio
import contextlib
import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import select

from parlour.accounts.sessions import Lifetime, find_ends
from parlour.conversations.memberships import enter
from parlour.conversations.models import Conversation
from parlour.db import Database, portions
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
from parlour.live.audience import TURNS, Audience
from parlour.live.company import Company
from parlour.live.frames import Frames
from parlour.live.sockets import Outbox, Socket
from parlour.messages.feed import Feed, TooFarBehind
from parlour.pace import RightOfWay

log = logging.getLogger(__name__)

BEAT_EVERY_S = 15.0
LOOK_EVERY_S = 30.0  # a wake-up that was lost delays by this much
LOOK_AT_ONCE = 100  # conversations or sessions; whoever posts meanwhile waits for no more than that
WATCH_SESSIONS_EVERY_S = 0.5
TRY_AGAIN_S = 1.0
NO_LONGER_ALLOWED = 1008
COME_BACK = 1013


class Delivery:
    """Hears what happens, and tells the pages that should know."""

    def __init__(
        self,
        database: Database,
        feed: Feed,
        frames: Frames,
        audience: Audience,
        company: Company,
        lifetime: Lifetime,
        way: RightOfWay,
    ) -> None:
        self._database = database
        self._way = way
        self._feed = feed
        self._frames = frames
        self._audience = audience
        self._company = company
        self._lifetime = lifetime
        self._newest: dict[int, int] = {}  # the highest revision that was heard of, for open conversations
        self._changed: dict[
            int, tuple[int, int]
        ] = {}  # what waits to be told: first and last revision, by conversation
        self._listed: dict[int, set[int]] = {}  # … and lines of lists, by conversation, for these users
        self._started: set[int] = set()
        self._more = asyncio.Event()
        self._cut_off = asyncio.Event()  # set when events may have been missed
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        for task in (self._tell_what_waits, self._catch_up, self._beat, self._look_again, self._watch_sessions):
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
                    self._note_change(conversation_id, revision, revision)
                case ReadMarkMoved(conversation_id, user_id):
                    self._listed.setdefault(conversation_id, set()).add(user_id)
                case ConversationStarted(conversation_id):
                    self._started.add(conversation_id)
                case SessionsEnded(session_ids):
                    for session_id in session_ids:
                        self.end_session(session_id)
                case HubReconnected():
                    self._cut_off.set()
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
        socket.wire.on_writable = lambda: self._settle_soon(socket)
        await self._bring_up_to_now(socket, list_digest)
        socket.wire.write(self._frames.beat)

    async def _bring_up_to_now(self, socket: Socket, known_list: str | None = None) -> None:
        """Tells a page what it was not told; one that cannot be told now is sent away, and catches up later."""
        try:
            await self._settle(socket)
            await self._company.tell(socket)
            if known_list is not None or socket.list_is_stale:
                await self._refresh_list(socket, known_list or "")
        except Unavailable:
            socket.wire.close(COME_BACK)

    def _settle_soon(self, socket: Socket) -> None:
        self._keep(asyncio.create_task(self._bring_up_to_now(socket)))

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

    async def _refresh_list(self, socket: Socket, known: str) -> None:
        """Writes the whole list, unless it is the known one; what changes while it is read makes it stale again."""
        if socket.listing:
            socket.list_is_stale = True
            return
        socket.listing = socket.list_is_stale = True
        try:
            while socket.list_is_stale and not socket.wire.closing:
                socket.list_is_stale = False
                async with self._database.reading() as db:
                    entries = await list_conversations(db, socket.user_id, socket.conversation_id)
        finally:
            socket.listing = False
        if not socket.listens:
            socket.list_is_stale = True
        elif digest(entries) != known:
            socket.wire.write(self._frames.whole_list(entries))

    async def _tell_what_waits(self) -> None:
        while True:
            await self._more.wait()
            self._more.clear()
            changed, self._changed = self._changed, {}
            listed, self._listed = self._listed, {}
            started, self._started = self._started, set()
            try:
                with self._way.first():
                    await self._tell(changed, listed, started)
            except Unavailable:
                # Nothing is lost: whoever was not told is told what comes after their cursor, next time.
                for conversation_id, (first, last) in changed.items():
                    self._note_change(conversation_id, first, last)
                for conversation_id, user_ids in listed.items():
                    self._listed.setdefault(conversation_id, set()).update(user_ids)
                self._started |= started
                await asyncio.sleep(TRY_AGAIN_S)
                self._more.set()

    async def _tell(
        self, changed: Mapping[int, tuple[int, int]], listed: Mapping[int, set[int]], started: Collection[int]
    ) -> None:
        """Tells what has changed, as `_changed`, `_listed` and `_started` note it. Raises Unavailable."""
        async with self._database.reading() as db:
            members = await list_members(db, {*changed, *started, *listed})
        for conversation_id, (first, last) in changed.items():
            await self._tell_change(conversation_id, first, last, members[conversation_id])
        outbox = Outbox()
        for conversation_id in started:
            self._write_lines(outbox, members[conversation_id], None, moved=True)
        for conversation_id, user_ids in listed.items():
            self._write_lines(outbox, members[conversation_id], user_ids, moved=False)
        outbox.send()

    async def _tell_change(self, conversation_id: int, first: int, last: int, members: dict[int, Entry]) -> None:
        """Tells what happened from revision `first` to `last`, to each page as much of it as it does not know."""
        pages, outbox = self._audience.in_conversation(conversation_id), Outbox()
        oldest = min((page.cursor for page in pages if page.listens), default=last)
        try:
            news = await self._feed.after(conversation_id, min(oldest, first - 1), last)
        except TooFarBehind:
            for page in pages:
                if page.greeted:
                    self._settle_soon(page)
            self._write_lines(outbox, members, None, moved=True)
            outbox.send()
            return
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
                outbox.put(page, told[kind])
        new = any(change.line.posted_revision >= first for change in news.changes)
        self._write_lines(outbox, members, None, moved=new)
        outbox.send()

    def _write_lines(
        self, outbox: Outbox, members: dict[int, Entry], user_ids: set[int] | None, *, moved: bool
    ) -> None:
        """Writes a conversation's line to the lists of these members; of all of them where none are named."""
        for user_id, entry in members.items():
            if user_ids is not None and user_id not in user_ids:
                continue
            drawn: dict[bool, bytes] = {}
            for page in self._audience.of_user(user_id):
                is_open = page.conversation_id == entry.conversation_id
                if page.listens and not page.listing:
                    if is_open not in drawn:
                        drawn[is_open] = self._frames.entry(entry.opened() if is_open else entry, moved=moved)
                    outbox.put(page, drawn[is_open])
                elif page.greeted:
                    page.list_is_stale = True

    def _note_change(self, conversation_id: int, first: int, last: int) -> None:
        noted_first, noted_last = self._changed.get(conversation_id, (first, last))
        self._changed[conversation_id] = (min(first, noted_first), max(last, noted_last))
        if self._audience.in_conversation(conversation_id):
            self._newest[conversation_id] = max(last, self._newest.get(conversation_id, 0))
        else:
            self._newest.pop(conversation_id, None)

    def _dismiss(self, page: Socket, last_words: bytes) -> None:
        page.greeted = False
        page.wire.write(last_words)
        page.wire.close(NO_LONGER_ALLOWED)

    async def _beat(self) -> None:
        """Not to all pages at once, and so not all their answers at once: that would hold up what is said meanwhile."""
        while True:
            await asyncio.sleep(BEAT_EVERY_S / TURNS)
            for page in self._audience.next_turn():
                if page.listens:
                    page.wire.write(self._frames.pulse)

    async def _look_again(self) -> None:
        """Finds what an event that was lost on its way would have told."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            with contextlib.suppress(Unavailable):
                await self._look()

    async def _look(self) -> None:
        self._newest = {known: last for known, last in self._newest.items() if self._audience.in_conversation(known)}
        await self._check_sessions(self._audience.sessions)
        for portion in portions(self._audience.conversations, LOOK_AT_ONCE):
            async with self._database.reading() as db:
                asked = select(Conversation.id, Conversation.revision).where(Conversation.id.in_(portion))
                rows = (await db.execute(asked)).all()
            for row in rows:
                cursors = [page.cursor for page in self._audience.in_conversation(row.id) if page.greeted]
                if cursors and min(cursors) < row.revision:
                    self._note_change(row.id, min(cursors) + 1, row.revision)
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
        for portion in portions(session_ids, LOOK_AT_ONCE):
            async with self._database.reading() as db:
                ends = await find_ends(db, portion, self._lifetime)
            now = datetime.now(UTC)
            for session_id in portion:
                if session_id not in ends or ends[session_id] <= now:
                    self.end_session(session_id)
                else:
                    for page in self._audience.of_session(session_id):
                        page.ends_at = ends[session_id]

    async def _catch_up(self) -> None:
        """After the line between processes was cut, everything is looked at once."""
        while True:
            await self._cut_off.wait()
            self._cut_off.clear()
            try:
                await self._look()
                for page in self._audience.everyone():
                    if page.greeted:
                        await self._company.tell(page)
                        await self._refresh_list(page, "")
            except Unavailable:
                await asyncio.sleep(TRY_AGAIN_S)
                self._cut_off.set()

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("Telling the open pages failed.", exc_info=error)
            if again := getattr(self, task.get_name(), None):
                self._keep(asyncio.create_task(again(), name=task.get_name()))
