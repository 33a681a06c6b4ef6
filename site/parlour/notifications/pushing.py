"""Decides who is told of a new message, shortly after it was committed, and takes back what is read or deleted."""

import asyncio
import contextlib
import logging
import math
import time
from collections import OrderedDict
from collections.abc import Sequence
from itertools import islice
from urllib.parse import urlsplit

from parlour.accounts.sessions import Lifetime
from parlour.assets import Assets
from parlour.db import Database, Reading
from parlour.errors import Unavailable
from parlour.events import ConversationChanged, ConversationShown, Event, ReadMarkMoved
from parlour.messages.history import Line
from parlour.notifications import wording
from parlour.notifications.deciding import Change, find_changes
from parlour.notifications.lanes import Lanes, Push
from parlour.notifications.sending import PushClient
from parlour.notifications.shown import Shown
from parlour.notifications.subscriptions import Address, News, find_addresses, forget_address, is_there
from parlour.notifications.told import Place, Told, find_told, forget_told, note_told, take_turn
from parlour.notifications.vapid import Vapid

log = logging.getLogger(__name__)

# So much is left to an open page: who reads a message there need not be told of it. It also makes one push of a burst.
WAIT_S = 2.5
GATHER_S = 0.25  # what is due so soon is told of together
TRY_AGAIN_S = 2.0
LAST_WORDS_S = 2.0  # when the server stops; so long for telling, and so long for what is under way then
WAITING_AT_MOST = 10_000  # conversations
IDS_AT_ONCE = 500
# Safari ends a subscription after a few pushes that show nothing, so it is not told what was read elsewhere.
SHOWS_EVERY_PUSH = ".push.apple.com"


class Pushes:
    """Web Push. Each process tells of the messages that it committed itself, so that one alone does."""

    def __init__(
        self, database: Database, client: PushClient, vapid: Vapid, lifetime: Lifetime, secret: str, assets: Assets
    ) -> None:
        self._database = database
        self._lanes = Lanes(client, vapid, self._is_there, self._forget)
        self._lifetime = lifetime
        self._secret = secret
        self._pictures = assets.url("icon-192.png"), assets.url("badge-96.png")
        self._shown = Shown()
        self._new: OrderedDict[int, float] = OrderedDict()  # when it is time to tell of a conversation
        self._told = Told()
        self._remembered = False  # whether that holds what was told before this process began
        self._read: set[Place] = set()
        self._more = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._tell_in_time(), name="pushes")

    async def stop(self) -> None:
        """Tells at once what waits for its time: an open page, which it was left to, goes with this process."""
        self._stopping = True
        self._more.set()
        if self._task:
            await asyncio.wait({self._task}, timeout=LAST_WORDS_S)
            self._task.cancel()
            await asyncio.wait({self._task})
        await self._lanes.stop(LAST_WORDS_S)

    def take(self, lines: Sequence[Line]) -> None:
        """New messages that this process has just committed. Never waits."""
        for line in lines:
            self._note(line.conversation_id)

    def hear(self, events: Sequence[Event]) -> None:
        """Notes what is shown, read and taken back anywhere. Never waits."""
        for event in events:
            match event:
                case ConversationShown(conversation_id, user_id):
                    self._shown.note(conversation_id, user_id)
                case ReadMarkMoved(conversation_id, user_id):
                    self._shown.note(conversation_id, user_id)
                    if not self._remembered or (conversation_id, user_id) in self._told:
                        self._read.add((conversation_id, user_id))
                        self._more.set()
                case ConversationChanged(conversation_id) if self._told.of(conversation_id):
                    self._note(conversation_id)  # perhaps what was told of is deleted

    def _note(self, conversation_id: int) -> None:
        if not self._new:  # else one is awaited that is due before this one
            self._more.set()
        self._new.setdefault(conversation_id, time.monotonic() + WAIT_S)
        while len(self._new) > WAITING_AT_MOST:
            self._new.popitem(last=False)

    async def _tell_in_time(self) -> None:
        await self._remember()
        self._remembered = True
        while not self._stopping:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._until_due()):
                    await self._more.wait()
            self._more.clear()
            await self._tell_due(time.monotonic())
        for _ in range(0, len(self._new), IDS_AT_ONCE):
            await self._tell_due(math.inf)

    async def _remember(self) -> None:
        """What was told before this process began is taken away as well."""
        try:
            async with self._database.reading() as db:
                self._told.add(await find_told(db))
        except Unavailable:
            log.warning("What was told before stays until it is told anew: the database does not answer.")

    async def _tell_due(self, now: float) -> None:
        due = self._due(now)
        for conversation_id in due:  # what is said from here on is told of anew
            del self._new[conversation_id]
        read, self._read = self._read, set()
        work = self._tell(sorted({conversation_id for conversation_id, _ in read}), read), self._tell(due)
        # Whatever becomes of these, the next ones are told of.
        for failure in await asyncio.gather(*work, return_exceptions=True):
            if isinstance(failure, Unavailable):
                self._read |= read
                self._new |= dict.fromkeys(due, time.monotonic() + TRY_AGAIN_S)
            elif failure:
                log.error("Somebody was not told of what is new.", exc_info=failure)

    def _due(self, now: float) -> list[int]:
        """Whose time has come or is about to come, where that of any has come."""
        if not self._new or next(iter(self._new.values())) > now:
            return []
        soon = now + GATHER_S
        return list(islice((each for each, at in self._new.items() if at <= soon), IDS_AT_ONCE))

    def _until_due(self) -> float | None:
        return max(0.0, next(iter(self._new.values())) - time.monotonic()) if self._new else None

    async def _tell(self, conversation_ids: list[int], read: set[Place] | None = None) -> None:
        """Tells of what is new there and takes away what is not; where it was `read`, takes away and no more."""
        if not conversation_ids:
            return
        async with self._database.reading() as db:
            found = await self._find(db, conversation_ids, read)
        if not found:
            return
        async with self._database.transaction() as db:
            await take_turn(db)  # of several processes one tells
            found = await self._find(db, conversation_ids, read)
            gone = {address.place for address, news in found if not news}
            told = {address.place: news.seq for address, news in found if news}
            await forget_told(db, gone)
            await note_told(db, told)
        self._told.discard(gone)
        self._told.add(told)
        for address, news in found:
            self._put(address, news)

    async def _find(self, db: Reading, conversation_ids: list[int], read: set[Place] | None) -> list[Change]:
        addresses = await find_addresses(db, conversation_ids, self._lifetime)
        return find_changes(addresses, self._shown.lately, read)

    def _put(self, address: Address, news: News | None) -> None:
        topic = wording.topic(self._secret, address)
        if news:
            self._lanes.put(Push(address, topic, wording.new_message(address, news, *self._pictures)))
        elif not self._lanes.take_back(address, topic) and not _shows_every_push(address):
            self._lanes.put(Push(address, topic, wording.taken_back(address)))

    async def _is_there(self, address: Address) -> bool:
        try:
            async with self._database.reading() as db:
                return await is_there(db, address)
        except Unavailable:
            return False  # better nothing than to somebody who has left

    async def _forget(self, address: Address) -> None:
        with contextlib.suppress(Unavailable):
            async with self._database.transaction() as db:
                await forget_address(db, address)


def _shows_every_push(address: Address) -> bool:
    return (urlsplit(address.endpoint).hostname or "").endswith(SHOWS_EVERY_PUSH)
