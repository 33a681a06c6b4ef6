"""Which bytes a player asks for: the Range header, and the conditions that stand beside it."""

import re

ONE_RANGE = re.compile("bytes=([0-9]*)-([0-9]*)", re.IGNORECASE)
DIGITS_AT_MOST = 18  # no file has more bytes than so many can say


class NoSuchRange(Exception):
    """The range begins behind the end."""


def choose_range(asked: str | None, size: int) -> tuple[int, int] | None:
    """From which byte to before which; None for all of them: nothing, several or no bytes were asked for.

    Raises NoSuchRange where the file has none of the bytes.
    """
    found = ONE_RANGE.fullmatch((asked or "").strip())
    if not found or found[0].endswith("=-"):
        return None
    first, last = (number.lstrip("0") or number[:1] for number in found.groups())
    if not first:
        start, end = size - _at_most(last, size), size
    elif last and (len(last), last) < (len(first), first):
        return None  # no range at all, so it is to be ignored
    else:
        start, end = _at_most(first, size), _at_most(last, size - 1) + 1 if last else size
    if start >= size:
        raise NoSuchRange
    return start, end


def _at_most(digits: str, limit: int) -> int:
    """The number, or the limit where that is smaller; what is too long to be of use is never made a number."""
    return min(int(digits), limit) if len(digits) <= DIGITS_AT_MOST else limit


def holds(etag: str, tags: str) -> bool:
    """Whether a list of tags (`If-None-Match`) names this one."""
    named = [tag.strip().removeprefix("W/") for tag in tags.split(",")]
    return "*" in named or etag in named
