"""Who had a conversation before their eyes a moment ago; kept in memory, and told to every process by the hub."""

import time
from collections import OrderedDict
from collections.abc import Callable

LATELY_S = 60
KEPT_AT_MOST = 50_000  # beyond this the oldest is forgotten, and somebody is told once too often


class Shown:
    """When each member was last shown each conversation."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at: OrderedDict[tuple[int, int], float] = OrderedDict()  # the latest at the end

    def note(self, conversation_id: int, user_id: int) -> None:
        """A page of that user shows it now."""
        now = self._clock()
        self._at[conversation_id, user_id] = now
        self._at.move_to_end((conversation_id, user_id))
        while len(self._at) > KEPT_AT_MOST or next(iter(self._at.values())) < now - LATELY_S:
            self._at.popitem(last=False)

    def lately(self, conversation_id: int, user_id: int) -> bool:
        """Whether a page of that user showed it within the last minute."""
        at = self._at.get((conversation_id, user_id))
        return at is not None and self._clock() - at <= LATELY_S
