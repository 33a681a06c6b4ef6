"""Tells each open conversation how its others stand: what came to them, what they read, and what they are doing."""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice

from parlour.accounts.sessions import NOTE_SEEN
from parlour.conversations.marks import Standings, deliver, marks_for, read_many_standings, read_standings
from parlour.db import Database, portions
from parlour.errors import Unavailable
from parlour.events import ChoicesChanged, ConversationShown, Event, MarksMoved, MemberActs, PeopleCame, PeopleLeft
from parlour.live.audience import Audience
from parlour.live.frames import Frames
from parlour.live.presence import Presence
from parlour.live.sockets import Socket
from parlour.live.works import Works

RENEW_EVERY_S = 15.0
AGED_WITHIN_S = 60.0  # by so much an open page may be late to say that somebody was seen long ago
AGED_AT_ONCE = 10  # conversations
GATHER_S = 0.1  # what pages acknowledge meanwhile is noted together
FADES_AFTER_S = 6.0  # what somebody does, unless they go on saying it
ACTS_EVERY_S = 1.0  # what a page says more often is not heard
SHOWN_EVERY_S = 5.0
SEEN_AT_ONCE = 500
CAME_AT_ONCE = 1_000  # in one transaction
DOINGS = ("typing", "recording")

LATELY = (
    (timedelta(hours=1), "within the hour"),
    (timedelta(days=1), "within a day"),
    (timedelta(days=7), "this week"),
)

Publish = Callable[[Sequence[Event]], None]


class Company:
    """Hears what people do, and tells those who may know."""

    def __init__(self, database: Database, frames: Frames, audience: Audience, publish: Publish) -> None:
        self._database = database
        self._frames = frames
        self._audience = audience
        self._publish = publish
        self._presence = Presence(audience, publish)
        self._stale: set[int] = set()  # conversations of which something may have changed
        self._acts: defaultdict[int, dict[int, tuple[str, float]]] = defaultdict(dict)  # what each does, and until when
        self._came: dict[tuple[int, int], int] = {}  # what pages acknowledged: by conversation and user, up to where
        self._seen: dict[int, datetime] = {}  # who left, and when
        self._more = asyncio.Event()
        self._acknowledged = asyncio.Event()
        self._works = Works()

    def start(self) -> None:
        self._works.start(self._tell_what_changed, self._note_what_came, self._renew, self._grow_old)

    async def stop(self) -> None:
        """Notes who was here until now: they come back to this house or another, or were seen last at this moment."""
        await self._works.stop()
        self._seen |= dict.fromkeys(self._presence.here, datetime.now(UTC))
        with contextlib.suppress(Unavailable):
            await self._note_seen()

    def hear(self, events: Sequence[Event]) -> None:
        """Notes what happened; it is told soon. Never waits."""
        for event in events:
            match event:
                case MarksMoved(conversation_id):
                    self._stale.add(conversation_id)
                case MemberActs(conversation_id, user_id, doing):
                    self._note_act(conversation_id, user_id, doing)
                case ChoicesChanged(user_id):
                    self._note_change_of([user_id])
                case PeopleCame() | PeopleLeft():
                    if isinstance(event, PeopleLeft) and self._presence.is_own(event):
                        self._seen |= dict.fromkeys(event.user_ids, datetime.now(UTC))
                    self._note_change_of(self._presence.hear(event))
        if self._stale or self._seen:
            self._more.set()

    def hold(self, user_id: int) -> None:
        """A live page of theirs has come: who has no scripts is here, too."""
        self._presence.hold(user_id)

    def release(self, user_id: int) -> None:
        self._presence.release(user_id)

    def leave(self, page: Socket) -> None:
        """A page has gone."""
        self._presence.look_soon(page.user_id)

    def acknowledge(self, page: Socket, came: dict[int, int]) -> None:
        """A page has these conversations in front of it up to those places."""
        for conversation_id, seq in islice(came.items(), CAME_AT_ONCE):
            self.note_came(conversation_id, page.user_id, seq)

    def note_came(self, conversation_id: int, user_id: int, seq: int) -> None:
        """This user has the conversation in front of them up to that place."""
        key = (conversation_id, user_id)
        self._came[key] = max(seq, self._came.get(key, 0))
        self._acknowledged.set()

    def act(self, page: Socket, doing: str) -> None:
        """A page says what its person does; anything unknown means that they have stopped."""
        now = time.monotonic()
        if page.conversation_id is None or (doing in DOINGS and now - page.acted_at < ACTS_EVERY_S):
            return
        page.acted_at = now if doing in DOINGS else 0.0
        self._publish([MemberActs(page.conversation_id, page.user_id, doing if doing in DOINGS else "")])

    def note_shown(self, page: Socket) -> None:
        """A page's conversation is before its person's eyes."""
        now = time.monotonic()
        if page.conversation_id is not None and now - page.shown_at >= SHOWN_EVERY_S:
            page.shown_at = now
            self._publish([ConversationShown(page.conversation_id, page.user_id)])

    async def tell(self, page: Socket) -> None:
        """Brings one page up to now. Raises Unavailable."""
        self._presence.look(page.user_id)
        if page.conversation_id is not None:
            async with self._database.reading() as db:
                standings = await read_standings(db, page.conversation_id)
            self._write([page], page.conversation_id, standings)

    def activity(self, conversation_id: int, standings: Standings, viewer_id: int) -> str:
        """What a member may know of what the others are doing: as much as they show of themselves."""
        me = standings[viewer_id]
        others = [each for each in standings.values() if each.user_id != viewer_id]
        now = time.monotonic()
        for other in others:
            doing, until = self._acts.get(conversation_id, {}).get(other.user_id, ("", 0.0))
            if doing and until > now and me.shows_typing and other.shows_typing:
                return f"{other.name} is {doing}"
        if len(others) != 1 or not me.shows_online or not others[0].shows_online:
            return ""
        return "Online" if self._presence.is_here(others[0].user_id) else last_seen(others[0].last_seen_at)

    def _note_act(self, conversation_id: int, user_id: int, doing: str) -> None:
        if self._audience.in_conversation(conversation_id):
            self._acts[conversation_id][user_id] = (doing, time.monotonic() + FADES_AFTER_S)
            self._stale.add(conversation_id)

    def _note_change_of(self, user_ids: list[int]) -> None:
        for user_id in user_ids:
            for page in (*self._audience.watching(user_id), *self._audience.of_user(user_id)):
                if page.conversation_id is not None:
                    self._stale.add(page.conversation_id)
        if self._stale:
            self._more.set()

    async def _tell_what_changed(self) -> None:
        while True:
            fades = [until for acts in self._acts.values() for _, until in acts.values()]
            with contextlib.suppress(TimeoutError):
                wait_s = max(0.0, min(fades) - time.monotonic()) if fades else None
                async with asyncio.timeout(wait_s):
                    await self._more.wait()
            self._more.clear()
            self._fade()
            stale, self._stale = self._stale, set()
            try:
                await self._note_seen()
                await self._tell_conversations(stale)
            except Unavailable:
                self._stale |= stale
                await asyncio.sleep(1)
                self._more.set()

    def _fade(self) -> None:
        now = time.monotonic()
        for conversation_id, acts in tuple(self._acts.items()):
            going_on = {user_id: act for user_id, act in acts.items() if act[1] > now}
            if len(going_on) < len(acts):
                self._stale.add(conversation_id)
            if going_on:
                self._acts[conversation_id] = going_on
            else:
                del self._acts[conversation_id]

    async def _tell_conversations(self, conversation_ids: Iterable[int]) -> None:
        """Tells the pages of these conversations, with one look for all of them."""
        open_here = [each for each in conversation_ids if self._audience.in_conversation(each)]
        if open_here:
            async with self._database.reading() as db:
                found = await read_many_standings(db, open_here)
            for conversation_id, standings in found.items():
                self._write(self._audience.in_conversation(conversation_id), conversation_id, standings)

    def _write(self, pages: Sequence[Socket], conversation_id: int, standings: Standings) -> None:
        """Writes what is new to each page; nothing, not a byte, where it may know no more than before."""
        for page in pages:
            if page.user_id not in standings or len(standings) == 1:
                continue
            marks = marks_for(standings, page.user_id)
            activity = self.activity(conversation_id, standings, page.user_id)
            new_marks, new_activity = marks != page.marks, activity != page.activity
            if page.listens and (new_marks or new_activity):
                page.marks, page.activity = marks, activity
                page.wire.write(self._frames.company(marks if new_marks else None, activity if new_activity else None))

    async def _note_what_came(self) -> None:
        while True:
            await self._acknowledged.wait()
            self._acknowledged.clear()
            came = {key: self._came.pop(key) for key in list(self._came)[:CAME_AT_ONCE]}
            if self._came:
                self._acknowledged.set()
            with contextlib.suppress(Unavailable):  # a page says it again when it comes back
                async with self._database.transaction() as db:
                    await deliver(db, came)
            await asyncio.sleep(GATHER_S)

    async def _note_seen(self) -> None:
        while self._seen:
            leaving = [(user_id, self._seen.pop(user_id)) for user_id in list(self._seen)[:SEEN_AT_ONCE]]
            async with self._database.transaction() as db:
                await db.execute(NOTE_SEEN, [{"seen_id": user_id, "seen_at": at} for user_id, at in sorted(leaving)])
                for user_id, _ in leaving:  # whoever heard of it before this was noted has told an older time
                    db.announce(ChoicesChanged(user_id))

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            self._presence.renew()
            self._note_change_of(self._presence.forget_silent())

    async def _grow_old(self) -> None:
        """How long ago somebody was seen changes though nothing happens: all is looked at again, a little at a time."""
        while True:
            open_here = self._audience.conversations
            for portion in portions(open_here, AGED_AT_ONCE):
                self._stale.update(portion)
                self._more.set()
                await asyncio.sleep(AGED_WITHIN_S * len(portion) / len(open_here))
            if not open_here:
                await asyncio.sleep(AGED_WITHIN_S)


def last_seen(at: datetime | None) -> str:
    """`Last seen within the hour`: never so exact that one could keep watch over somebody."""
    if at is None:
        return ""
    ago = datetime.now(UTC) - at
    return "Last seen " + next((words for longest, words in LATELY if ago < longest), "more than a week ago")
