"""A bounded queue for each push service, so that a slow one holds nobody else up."""

import asyncio
import contextlib
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

import msgspec

from parlour.notifications.addresses import service_of
from parlour.notifications.encryption import encrypt
from parlour.notifications.sending import Outcome, PushClient
from parlour.notifications.subscriptions import Address
from parlour.notifications.vapid import Vapid

log = logging.getLogger(__name__)

LANES_AT_MOST = 64
OPENED_AT_MOST = 8  # lanes, by pushes to one person; nobody has browsers of so many makers
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
    """What waits for one push service, and what is under way to it."""

    def __init__(self, user_id: int) -> None:
        self.opened_for = user_id
        self.waiting: OrderedDict[Key, Push] = OrderedDict()
        self.under_way: set[asyncio.Task[None]] = set()
        self.answered_at = time.monotonic()  # or opened


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
        self._stopping = False

    def put(self, push: Push) -> None:
        """Never waits. Beyond what a lane holds the oldest is given up."""
        service = service_of(push.address.endpoint)
        lane = self._lanes.get(service) or self._open(service, push.address.user_id)
        if self._stopping or not lane:
            return
        lane.waiting[push.key] = push
        if len(lane.waiting) > WAITING_AT_MOST:
            log.warning("%s is too slow; a push was given up.", service)
            lane.waiting.popitem(last=False)
        self._go_on(service, lane)

    def take_back(self, address: Address, topic: str) -> bool:
        """Gives up what has not been sent yet; whether there was anything."""
        lane = self._lanes.get(service_of(address.endpoint))
        return lane is not None and lane.waiting.pop((address.id, topic), None) is not None

    async def stop(self, within_s: float) -> None:
        """Lets what waits be sent, for so long; gives up what is then still under way."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while under_way := [task for lane in self._lanes.values() for task in lane.under_way]:
                    await asyncio.wait(under_way)
        self._stopping = True
        given_up = [task for service in list(self._lanes) for task in self._close(service)]
        await asyncio.gather(*given_up, return_exceptions=True)
        await self._client.close()

    def _open(self, service: str, user_id: int) -> Lane | None:
        """A lane for one more service. Where all are taken, the one that was not answered for longest gives way."""
        if sum(lane.opened_for == user_id for lane in self._lanes.values()) >= OPENED_AT_MOST:
            log.warning("A push to %s was given up: too many push services are used by one person.", service)
            return None
        if len(self._lanes) >= LANES_AT_MOST:
            slowest = min(self._lanes, key=lambda each: self._lanes[each].answered_at)
            log.warning("Pushes to %s were given up, to make room for another push service.", slowest)
            self._close(slowest)
        lane = self._lanes[service] = Lane(user_id)
        return lane

    def _close(self, service: str) -> list[asyncio.Task[None]]:
        """Gives up what waits and what is under way there."""
        lane = self._lanes.pop(service)
        lane.waiting.clear()
        given_up = list(lane.under_way)
        for task in given_up:
            task.cancel()
        return given_up

    def _go_on(self, service: str, lane: Lane) -> None:
        """Sends what waits, as much at once as may be; each by itself, so that no failure takes others along."""

        def end(task: asyncio.Task[None]) -> None:
            lane.under_way.discard(task)
            failure = None if task.cancelled() else task.exception()
            if failure:
                log.error("A push to %s failed.", service, exc_info=failure)
            self._go_on(service, lane)
            if not lane.under_way and self._lanes.get(service) is lane:
                del self._lanes[service]

        while lane.waiting and len(lane.under_way) < AT_ONCE:
            _, push = lane.waiting.popitem(last=False)
            task = asyncio.create_task(self._send(push, lane))
            lane.under_way.add(task)
            task.add_done_callback(end)

    async def _send(self, push: Push, lane: Lane) -> None:
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
        if sent.outcome is not Outcome.LATER:
            lane.answered_at = time.monotonic()
        if sent.outcome is Outcome.GONE:
            await self._forget(address)
        elif sent.outcome is Outcome.LATER and push.tries + 1 < TRIES:
            again = msgspec.structs.replace(push, tries=push.tries + 1)
            pause = sent.pause_s or PAUSE_S * 2**push.tries
            asyncio.get_running_loop().call_later(pause, self._put_again, again)
        elif sent.outcome is not Outcome.TAKEN:
            log.warning("%s did not take a push: %s", service_of(address.endpoint), sent.reason)

    def _put_again(self, push: Push) -> None:
        lane = self._lanes.get(service_of(push.address.endpoint))
        if not self._stopping and not (lane and push.key in lane.waiting):
            self.put(push)
