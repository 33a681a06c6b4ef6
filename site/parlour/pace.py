"""Who waits for whom in the event loop, so that what people write is not held up by work that can wait a little."""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

GIVE_WAY_S = 0.05


class Pace:
    """One after the other, so many seconds apart; where too many come for that, several at the same time."""

    def __init__(self, every_s: float, within_s: float) -> None:
        self._every_s, self._within_s = every_s, within_s
        self._next = 0.0  # by the loop's clock

    async def wait(self) -> None:
        """Until it is one's turn, for `within_s` at most; whoever comes alone waits for nobody."""
        now = asyncio.get_running_loop().time()
        begin = min(max(now, self._next), now + self._within_s)
        self._next = begin + self._every_s
        if begin > now:
            await asyncio.sleep(begin - now)


class RightOfWay:
    """Some work goes first; other work begins its next piece when none of that is under way."""

    def __init__(self) -> None:
        self._first = 0  # pieces of work that go first
        self._waiting: deque[asyncio.Future[None]] = deque()

    @contextmanager
    def first(self) -> Iterator[None]:
        """What is done meanwhile goes first."""
        self._first += 1
        try:
            yield
        finally:
            self._first -= 1
            self._let_one_go()

    async def give_way(self) -> None:
        """Until nothing is under way that goes first, and others who give way have gone; for GIVE_WAY_S at most."""
        if not self._first and not self._waiting:
            return
        loop = asyncio.get_running_loop()
        turn = loop.create_future()
        self._waiting.append(turn)
        at_last = loop.call_later(GIVE_WAY_S, _go, turn)
        try:
            await turn
        finally:
            at_last.cancel()
            loop.call_soon(self._let_one_go)  # not all at once: what goes first may have come meanwhile

    def _let_one_go(self) -> None:
        while self._waiting and not self._first:
            turn = self._waiting.popleft()
            if not turn.done():  # whoever waited may have gone
                turn.set_result(None)
                return


def _go(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)
