"""Who was told what, and when: nothing may be lost, come twice or out of order."""

from collections.abc import Sequence
from typing import NamedTuple

from bench.lines import Heard


class Faults(NamedTuple):
    """What must not happen, counted over all pages."""

    lost: int
    doubled: int
    disordered: int


class Tally:
    """What was posted in each conversation, and what each page heard of it."""

    def __init__(self) -> None:
        self.delays_s: list[float] = []  # from a post's due time to each page's frame
        self._due: dict[tuple[int, int], float] = {}
        self._stored: dict[int, set[int]] = {}  # the places of acknowledged posts, by conversation
        self._heard: dict[int, dict[int, list[int]]] = {}  # the places that came, by conversation and page

    def expect(self, conversation: int, page: int) -> None:
        """From here on this page must hear everything of the conversation."""
        self._heard.setdefault(conversation, {})[page] = []
        self._stored.setdefault(conversation, set())

    def due(self, sender: int, number: int, at: float) -> None:
        """A post begins; what it waits for behind others counts as its delay."""
        self._due[sender, number] = at

    def stored(self, conversation: int, row: Heard) -> None:
        """A post was answered with its row."""
        self._stored[conversation].add(row.seq)

    def heard(self, conversation: int, page: int, row: Heard, at: float) -> None:
        """A row came to a page."""
        self._heard[conversation][page].append(row.seq)
        if begun := self._due.get((row.sender, row.number)):
            self.delays_s.append(at - begun)

    @property
    def complete(self) -> bool:
        """Whether every page has heard at least as much as was acknowledged."""
        return all(
            len(heard) >= len(self._stored[conversation])
            for conversation, pages in self._heard.items()
            for heard in pages.values()
        )

    @property
    def faults(self) -> Faults:
        each = [
            _compare(self._stored[conversation], heard)
            for conversation, pages in self._heard.items()
            for heard in pages.values()
        ]
        return Faults(*map(sum, zip(*each, strict=True))) if each else Faults(0, 0, 0)


def _compare(stored: set[int], heard: Sequence[int]) -> Faults:
    came = set(heard)
    highest, disordered = 0, 0
    for place in dict.fromkeys(heard):
        disordered += place < highest
        highest = max(highest, place)
    return Faults(len(stored - came), len(heard) - len(came), disordered)


def percentile_ms(delays_s: Sequence[float], percent: float) -> float:
    """The delay that so many percent stay within; 0 where there is none."""
    if not delays_s:
        return 0.0
    ordered = sorted(delays_s)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1000
