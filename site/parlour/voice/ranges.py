"""Which bytes a player asks for: the Range header, and the conditions that stand beside it."""

import re

ONE_RANGE = re.compile("bytes=([0-9]{0,18})-([0-9]{0,18})")


class NoSuchRange(Exception):
    """The range begins behind the end."""


def choose_range(asked: str | None, size: int) -> tuple[int, int] | None:
    """From which byte to before which; None for all of them: nothing, several or no bytes were asked for.

    Raises NoSuchRange where the file has none of the bytes.
    """
    found = ONE_RANGE.fullmatch((asked or "").strip())
    if not found or found[0] == "bytes=-":
        return None
    first, last = found.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1 if last else size)
        if last and int(last) < start:
            return None  # no range at all, so it is to be ignored
    if start >= size or start >= end:
        raise NoSuchRange
    return start, end


def holds(etag: str, tags: str) -> bool:
    """Whether a list of tags (`If-None-Match`) names this one."""
    named = [tag.strip().removeprefix("W/") for tag in tags.split(",")]
    return "*" in named or etag in named
