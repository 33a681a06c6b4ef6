"""Decides what a browser should show of a conversation, given what it shows."""

from collections.abc import Callable, Iterable, Iterator

from parlour.notifications.subscriptions import Address, News
from parlour.notifications.told import Place

Change = tuple[Address, News | None]  # a browser, and what it is to show: nothing any more where there is no news
IsSeen = Callable[[int, int], bool]  # whether this conversation was before this user's eyes a moment ago


def find_changes(addresses: Iterable[Address], is_seen: IsSeen, read: set[Place] | None) -> list[Change]:
    """Which browsers must show something else; in places that were `read`, what is taken away and no more."""
    return list(_changes(addresses, is_seen, read))


def _changes(addresses: Iterable[Address], is_seen: IsSeen, read: set[Place] | None) -> Iterator[Change]:
    for address in addresses:
        if read is None and address.news and _is_to_be_told(address, address.news, is_seen):
            yield address, address.news
        elif _is_over(address) and (read is None or address.place in read):
            yield address, None


def _is_to_be_told(address: Address, news: News, is_seen: IsSeen) -> bool:
    if news.seq == address.told_seq or address.muted:
        return False
    # An older one than was told is told where the newer one is deleted: it was not seen with that.
    return news.seq < address.told_seq or not is_seen(*address.place)


def _is_over(address: Address) -> bool:
    """Whether what was told is read or deleted."""
    news_seq = address.news.seq if address.news else 0
    return address.told_seq > 0 and (address.told_seq <= address.read_seq or news_seq < address.told_seq)
