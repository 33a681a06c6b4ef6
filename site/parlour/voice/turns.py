"""Lets a few at a time to the same work. The others wait by turns, and nobody waits for all that one person sent."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from parlour.errors import TooMany, Unavailable

EACH_AT_MOST = 20  # places of one person; as many recordings as may be sent in a minute
WAITING_AT_MOST = 40  # in all; each holds a file on disk
RETRY_AFTER_S = 5


class TooManyOfYours(TooMany):
    """Somebody who waits with so many that others would find no place."""

    sentence = "Many of your recordings are being taken in already. Please wait a moment, and send this one again."


class Turns:
    """Who works now, and who waits: first those who have had no turn, or had it longest ago, each with their oldest."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once  # nobody waits while there is one
        self._at_work: Counter[int] = Counter()
        self._waiting: dict[int, deque[asyncio.Future[None]]] = {}  # by person
        self._turns = 0
        self._last: dict[int, int] = {}  # which turn was a person's last one, as long as they work or wait
        self._closed = False

    @asynccontextmanager
    async def turn(self, whose: int) -> AsyncIterator[None]:
        """One turn of that person. Raises TooManyOfYours, and Unavailable where many others wait or all is closed."""
        await self._enter(whose)
        try:
            yield
        finally:
            self._leave(whose)

    def close(self) -> None:
        """Tells all who wait, and all who come, to come again later; whoever works goes on."""
        self._closed = True
        for waiting in self._waiting.values():
            for one in waiting:
                _refuse(one, Unavailable(RETRY_AFTER_S))
        self._waiting.clear()

    async def _enter(self, whose: int) -> None:
        if self._closed:
            raise Unavailable(RETRY_AFTER_S)
        if self._free:
            self._free -= 1
            self._begin(whose)
            return
        self._make_room(whose)
        called: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(whose, deque()).append(called)
        try:
            await called
        except asyncio.CancelledError:
            if called.cancelled():
                self._forget(whose, called)
            elif not called.exception():  # its turn came at the very moment at which it went away
                self._leave(whose)
            raise

    def _begin(self, whose: int) -> None:
        self._turns += 1
        self._last[whose] = self._turns
        self._at_work[whose] += 1

    def _leave(self, whose: int) -> None:
        self._at_work -= Counter({whose: 1})
        if not self._call_next():
            self._free += 1
        self._forget_turns(whose)

    def _call_next(self) -> bool:
        """Whether there was somebody to take the place."""
        while self._waiting:
            person = min(self._waiting, key=lambda person: (self._at_work[person], self._last.get(person, 0)))
            called = self._waiting[person][0]
            self._forget(person, called)
            if not called.done():  # whoever waited may have gone
                self._begin(person)
                called.set_result(None)
                return True
        return False

    def _make_room(self, whose: int) -> None:
        """Raises where there is none; the newest of whoever has most gives way to those who have fewer."""
        own = len(self._waiting.get(whose, ()))
        if own >= EACH_AT_MOST:
            raise TooManyOfYours(RETRY_AFTER_S)
        if sum(map(len, self._waiting.values())) < WAITING_AT_MOST:
            return
        greatest = max(self._waiting, key=lambda person: len(self._waiting[person]))
        if len(self._waiting[greatest]) < own + 2:  # it would have to give way to itself
            raise TooManyOfYours(RETRY_AFTER_S) if own else Unavailable(RETRY_AFTER_S)
        newest = self._waiting[greatest][-1]
        self._forget(greatest, newest)
        _refuse(newest, TooManyOfYours(RETRY_AFTER_S))

    def _forget(self, whose: int, called: asyncio.Future[None]) -> None:
        if queue := self._waiting.get(whose):
            if called in queue:
                queue.remove(called)
            if not queue:
                del self._waiting[whose]
        self._forget_turns(whose)

    def _forget_turns(self, whose: int) -> None:
        if not self._at_work[whose] and whose not in self._waiting:
            self._last.pop(whose, None)


def _refuse(called: asyncio.Future[None], why: TooMany) -> None:
    if not called.done():  # whoever waits may have gone
        called.set_exception(why)
