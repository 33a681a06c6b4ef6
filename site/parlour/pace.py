"""Spreads what comes at once over a short while, so that the event loop gets to everything else in between."""

import asyncio


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
