"""How often something may happen: a sliding window for each person or address, kept in memory and bounded."""

import math
import re
import time
from collections import OrderedDict, deque
from collections.abc import Callable

import msgspec

from parlour.errors import TooMany

# Each key costs at most `rate.count` timestamps; beyond this many keys the one unused for longest is forgotten.
KEYS_AT_MOST = 20_000

UNIT_S = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


class Rate(msgspec.Struct, frozen=True):
    """At most `count` times in any `seconds`."""

    count: int
    seconds: int


def parse_rate(text: str) -> Rate:
    """`60/60s` means sixty times in any sixty seconds. Raises ValueError."""
    count, slash, window = text.partition("/")
    if not slash or not count.isascii() or not count.isdigit():
        raise ValueError(f"{text!r} is no rate; one is written 60/60s")
    if not int(count):
        raise ValueError(f"{text!r} lets nobody do it even once; the least is 1/{window}")
    return Rate(int(count), parse_age(window))


def parse_age(text: str) -> int:
    """`30d`, `12h`, `15m`, `90s` or `90`, in seconds. Raises ValueError."""
    found = re.fullmatch(r"(\d{1,9})([smhd]?)", text, re.ASCII)
    if not found or not int(found[1]):
        raise ValueError(f"{text!r} is no length of time; one is written 90s, 15m, 12h or 30d")
    return int(found[1]) * UNIT_S[found[2]]


class Limiter:
    """Counts what each key did lately. Every process counts for itself."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._times: OrderedDict[object, deque[float]] = OrderedDict()

    def count(self, key: object) -> None:
        """One more time for this key. Raises TooMany, and then does not count it."""
        now = self._clock()
        times = self._times.setdefault(key, deque())
        self._times.move_to_end(key)
        while times and times[0] <= now - self._rate.seconds:
            times.popleft()
        if len(times) >= self._rate.count:
            raise TooMany(math.ceil(times[0] + self._rate.seconds - now) if times else self._rate.seconds)
        times.append(now)
        if len(self._times) > KEYS_AT_MOST:
            self._times.popitem(last=False)

    def is_used_up(self, key: object) -> bool:
        """Whether one more time for this key would be too many."""
        since = self._clock() - self._rate.seconds
        return sum(time > since for time in self._times.get(key, ())) >= self._rate.count

    def take_back(self, key: object) -> None:
        """The last time for this key was none."""
        if times := self._times.get(key):
            times.pop()
