"""What others may see of somebody's reading: nothing, ever, of what was read without receipts."""

from hypothesis import given
from hypothesis import strategies as st

from parlour.conversations.marks import UNSHOWN_LIMIT, Marks, settle, visible

readings = st.lists(st.tuples(st.integers(1, 30), st.booleans()), max_size=30)  # up to where, and whether with receipts


def read(told: list[tuple[int, bool]]) -> tuple[int, str]:
    receipt_seq, unshown = 0, ""
    for seq, shown in told:
        receipt_seq, unshown = settle(receipt_seq, unshown, seq, shown=shown)
    return receipt_seq, unshown


def shown_as_read(told: list[tuple[int, bool]]) -> set[int]:
    seen, unshown = visible(*read(told))
    marks = Marks(delivered=100, read=seen, unshown=unshown)
    return {seq for seq in range(1, 40) if marks.state_of(seq) == "Read"}


@given(told=readings)
def test_shown_as_read_is_what_was_read_first_while_receipts_were_on(told: list[tuple[int, bool]]) -> None:
    first_read_with: dict[int, bool] = {}
    for up_to, shown in told:
        for seq in range(1, up_to + 1):
            first_read_with.setdefault(seq, shown)
    assert shown_as_read(told) == {seq for seq, shown in first_read_with.items() if shown}


@given(told=readings, more=readings)
def test_what_is_read_without_receipts_changes_nothing_that_others_see(
    told: list[tuple[int, bool]], more: list[tuple[int, bool]]
) -> None:
    hidden = [(seq, False) for seq, _ in more]
    assert visible(*read(told)) == visible(*read(told + hidden))


def test_whoever_changes_their_mind_all_the_time_shows_less_and_never_more() -> None:
    told = [(seq, seq % 2 == 0) for seq in range(1, 2_000)]
    receipt_seq, unshown = read(told)
    assert len(unshown) <= UNSHOWN_LIMIT
    seen, others_see = visible(receipt_seq, unshown)
    marks = Marks(delivered=receipt_seq, read=seen, unshown=others_see)
    assert all(marks.state_of(seq) == "Delivered" for seq, shown in told if not shown)
    assert marks.state_of(1_998) == "Read"
