"""Decides who is told of a new message, shortly after it was committed, and takes back what is read or deleted."""

import asyncio
import contextlib
import logging
import time
from collections import OrderedDict
from collections.abc import Sequence
from itertools import islice
from urllib.parse import urlsplit

from parlour.accounts.sessions import Lifetime
from parlour.assets import Assets
from parlour.db import Database
from parlour.errors import Unavailable
from parlour.events import ConversationChanged, ConversationShown, Event, ReadMarkMoved
from parlour.messages.history import Line
from parlour.notifications import wording
from parlour.notifications.lanes import Lanes, Push
from parlour.notifications.sending import PushClient
from parlour.notifications.shown import Shown
from parlour.notifications.subscriptions import Address, find_addresses, forget_address, is_there
from parlour.notifications.vapid import Vapid

log = logging.getLogger(__name__)

# So much is left to an open page: who reads a message there need not be told of it. It also makes one push of a burst.
WAIT_S = 2.5
GATHER_S = 0.25  # what is due so soon is told of together
TRY_AGAIN_S = 2.0
WAITING_AT_MOST = 10_000  # conversations
TOLD_AT_MOST = 10_000  # conversations of which it is known that something was told
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
        self._told: OrderedDict[int, dict[int, int]] = OrderedDict()  # of which message, by conversation and user
        self._read: set[tuple[int, int]] = set()
        self._more = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._tell_in_time(), name="pushes")

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.wait({self._task})
        await self._lanes.stop()

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
                    if user_id in self._told.get(conversation_id, ()):
                        self._read.add((conversation_id, user_id))
                        self._more.set()
                case ConversationChanged(conversation_id) if conversation_id in self._told:
                    self._note(conversation_id)  # perhaps what was told of is deleted

    def _note(self, conversation_id: int) -> None:
        if not self._new:  # else one is awaited that is due before this one
            self._more.set()
        self._new.setdefault(conversation_id, time.monotonic() + WAIT_S)
        while len(self._new) > WAITING_AT_MOST:
            self._new.popitem(last=False)

    async def _tell_in_time(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._until_due()):
                    await self._more.wait()
            self._more.clear()
            now = time.monotonic()
            due = self._due(now)
            for conversation_id in due:  # what is said from here on is told of anew
                del self._new[conversation_id]
            read, self._read = self._read, set()
            # Whatever becomes of these, the next ones are told of.
            for failure in await asyncio.gather(self._take_away(read), self._tell(due), return_exceptions=True):
                if isinstance(failure, Unavailable):
                    self._read |= read
                    self._new |= dict.fromkeys(due, now + TRY_AGAIN_S)
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

    async def _tell(self, conversation_ids: list[int]) -> None:
        deleted: list[Address] = []
        told: list[Address] = []
        for address in await self._find(conversation_ids):
            before = self._told.get(address.conversation_id, {}).get(address.user_id, 0)
            if address.line is None and before == address.last_seq:
                deleted.append(address)
            elif self._is_news(address, before):
                payload = wording.new_message(address, *self._pictures)
                self._lanes.put(Push(address, wording.topic(self._secret, address), payload))
                told.append(address)
        for address in told:
            self._told.setdefault(address.conversation_id, {})[address.user_id] = address.last_seq
            self._told.move_to_end(address.conversation_id)
        while len(self._told) > TOLD_AT_MOST:
            self._told.popitem(last=False)
        self._take_back(deleted)

    def _is_news(self, address: Address, told: int) -> bool:
        """Whether the latest message should be told of: unread, not told of, and nowhere before its reader's eyes."""
        silent = address.muted or address.line is None
        unread = max(address.read_seq, told) < address.last_seq
        return unread and not silent and not self._shown.lately(address.conversation_id, address.user_id)

    async def _take_away(self, places: set[tuple[int, int]]) -> None:
        """Takes what was told of these places away, where it is read."""
        found = await self._find(sorted({conversation_id for conversation_id, _ in places}))
        theirs = [address for address in found if (address.conversation_id, address.user_id) in places]
        self._take_back(
            [
                address
                for address in theirs
                if address.read_seq >= self._told.get(address.conversation_id, {}).get(address.user_id, 0)
            ]
        )

    def _take_back(self, addresses: list[Address]) -> None:
        """Closes what each of these browsers shows of its conversation."""
        for address in addresses:
            topic = wording.topic(self._secret, address)
            if not self._lanes.take_back(address, topic) and not _shows_every_push(address):
                self._lanes.put(Push(address, topic, wording.taken_back(address)))
        for address in addresses:
            told = self._told.get(address.conversation_id, {})
            told.pop(address.user_id, None)
            if not told:
                self._told.pop(address.conversation_id, None)

    async def _find(self, conversation_ids: list[int]) -> list[Address]:
        if not conversation_ids:
            return []
        async with self._database.reading() as db:
            return await find_addresses(db, conversation_ids, self._lifetime)

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
