"""So often and no more: a window that slides, for each person by themselves, in bounded memory."""

import pytest

from parlour import rates
from parlour.errors import TooMany
from parlour.rates import Limiter, Rate


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def refused(limiter: Limiter, key: object) -> int | None:
    """After how many seconds it is worth trying again; None where it was counted."""
    try:
        limiter.count(key)
    except TooMany as too_many:
        return too_many.retry_after_s
    return None


def test_whether_it_was_often_enough_can_be_asked_without_counting() -> None:
    clock = Clock()
    limiter = Limiter(Rate(1, 10), clock)
    assert [limiter.is_used_up("Ada") for _ in range(3)] == [False] * 3
    limiter.count("Ada")
    assert limiter.is_used_up("Ada")
    assert not limiter.is_used_up("Bo")
    clock.now += 10
    assert not limiter.is_used_up("Ada")


def test_the_window_slides() -> None:
    clock = Clock()
    limiter = Limiter(Rate(2, 10), clock)
    assert refused(limiter, "Ada") is None
    clock.now += 4
    assert refused(limiter, "Ada") is None
    assert refused(limiter, "Ada") == 6
    clock.now += 6
    assert refused(limiter, "Ada") is None
    assert refused(limiter, "Ada") == 4


def test_each_is_counted_apart() -> None:
    limiter = Limiter(Rate(1, 10), Clock())
    assert [refused(limiter, name) for name in ("Ada", "Bo", "Ada")] == [None, None, 10]


def test_what_was_refused_does_not_count() -> None:
    clock = Clock()
    limiter = Limiter(Rate(1, 10), clock)
    limiter.count("Ada")
    for _ in range(5):
        clock.now += 1
        assert refused(limiter, "Ada")
    clock.now += 5
    assert refused(limiter, "Ada") is None


def test_a_limit_of_none_lets_nothing_through() -> None:
    assert refused(Limiter(Rate(0, 10), Clock()), "Ada") == 10


def test_whoever_was_not_seen_for_longest_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "KEYS_AT_MOST", 2)
    limiter = Limiter(Rate(1, 10), Clock())
    for name in ("Ada", "Bo"):
        limiter.count(name)
    assert refused(limiter, "Ada")
    limiter.count("Cy")
    assert refused(limiter, "Ada")
    assert refused(limiter, "Bo") is None
