"""A bounded queue for each push service, so that a slow one holds nobody else up."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import msgspec

from parlour.notifications.encryption import encrypt
from parlour.notifications.sending import Outcome, PushClient
from parlour.notifications.subscriptions import Address
from parlour.notifications.vapid import Vapid

log = logging.getLogger(__name__)

LANES_AT_MOST = 64
WAITING_AT_MOST = 1_000  # in one lane
AT_ONCE = 4  # in one lane
TRIES = 3
PAUSE_S = 2.0  # before the second try; twice as long before each later one
KEPT_FOR_S = 86_400  # how long a push service keeps what it cannot deliver
Key = tuple[int, str]


class Push(msgspec.Struct, frozen=True):
    """What is to be told to one browser. A newer one about the same topic takes its place."""

    address: Address
    topic: str
    payload: bytes
    tries: int = 0

    @property
    def key(self) -> Key:
        return self.address.id, self.topic


class Lane:
    """What waits for one push service, and how many of its pushes are under way."""

    def __init__(self) -> None:
        self.waiting: OrderedDict[Key, Push] = OrderedDict()
        self.busy = 0


class Lanes:
    """Sends pushes, a few at once to each push service, and again where that may help."""

    def __init__(
        self,
        client: PushClient,
        vapid: Vapid,
        is_there: Callable[[Address], Awaitable[bool]],
        forget: Callable[[Address], Awaitable[None]],
    ) -> None:
        self._client = client
        self._vapid = vapid
        self._is_there = is_there  # whether an address is still subscribed; its session may have ended meanwhile
        self._forget = forget  # an address where nobody is reached any more
        self._lanes: dict[str, Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False

    def put(self, push: Push) -> None:
        """Never waits. Beyond what a lane holds the oldest is given up."""
        service = urlsplit(push.address.endpoint).netloc
        if self._stopping or (service not in self._lanes and len(self._lanes) >= LANES_AT_MOST):
            log.warning("A push was given up: more push services are in use than can be served at once.")
            return
        lane = self._lanes.setdefault(service, Lane())
        lane.waiting[push.key] = push
        if len(lane.waiting) > WAITING_AT_MOST:
            log.warning("%s is too slow; a push was given up.", service)
            lane.waiting.popitem(last=False)
        if lane.busy < AT_ONCE:
            lane.busy += 1
            task = asyncio.create_task(self._empty(service, lane))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def take_back(self, address: Address, topic: str) -> bool:
        """Gives up what has not been sent yet; whether there was anything."""
        lane = self._lanes.get(urlsplit(address.endpoint).netloc)
        return lane is not None and lane.waiting.pop((address.id, topic), None) is not None

    async def stop(self) -> None:
        """Gives up whatever is under way."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.close()

    async def _empty(self, service: str, lane: Lane) -> None:
        try:
            while lane.waiting:
                _, push = lane.waiting.popitem(last=False)
                await self._send(push)
        finally:
            lane.busy -= 1
            if not lane.busy and not lane.waiting:
                self._lanes.pop(service, None)

    async def _send(self, push: Push) -> None:
        address = push.address
        if not await self._is_there(address):
            return
        headers: dict[bytes | str, bytes | str] = {
            "authorization": self._vapid.authorization(address.endpoint),
            "content-encoding": "aes128gcm",
            "content-type": "application/octet-stream",
            "topic": push.topic,
            "ttl": str(KEPT_FOR_S),
            "urgency": "high",
        }
        sent = await self._client.send(address.endpoint, headers, encrypt(push.payload, address.p256dh, address.auth))
        if sent.outcome is Outcome.GONE:
            await self._forget(address)
        elif sent.outcome is Outcome.LATER and push.tries + 1 < TRIES:
            again = msgspec.structs.replace(push, tries=push.tries + 1)
            pause = sent.pause_s or PAUSE_S * 2**push.tries
            asyncio.get_running_loop().call_later(pause, self._put_again, again)
        elif sent.outcome is not Outcome.TAKEN:
            log.warning("%s did not take a push: %s", urlsplit(address.endpoint).netloc, sent.reason)

    def _put_again(self, push: Push) -> None:
        lane = self._lanes.get(urlsplit(push.address.endpoint).netloc)
        if not self._stopping and not (lane and push.key in lane.waiting):
            self.put(push)
