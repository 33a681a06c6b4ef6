"""Who is there, and whose turn it is."""

from collections import Counter
from datetime import UTC, datetime

from parlour.live.audience import TURNS, Audience
from parlour.live.sockets import Socket
from parlour.live.wire import Wire


def test_each_page_has_its_turn_once_in_a_round_and_first_after_a_whole_one() -> None:
    audience = Audience(per_user=10, per_address=10)
    pages: list[Socket] = []
    for _ in range(3):
        pages.append(a_page())
        audience.enter(pages[-1])
        audience.next_turn()
    turns = [audience.next_turn() for _ in range(TURNS)]
    assert [page for turn in turns for page in turn] == pages
    assert Counter(map(len, turns)) == {0: TURNS - 3, 1: 3}, "not all at once"
    assert turns[TURNS - 3 - 1] == (pages[0],)
    audience.leave(pages[0])
    assert sum(map(len, (audience.next_turn() for _ in range(TURNS)))) == 2


def a_page() -> Socket:
    """A page to which nobody writes."""
    wire = Wire.__new__(Wire)
    return Socket(
        wire, user_id=1, session_id=1, ends_at=datetime.now(UTC), conversation_id=1, other_id=1, address="127.0.0.1"
    )
