"""Compresses what browsers fetch, for those who say that they can take it."""

import gzip
import re

PAGE_LEVEL = 5  # a page of 25 KB in a fifth of a millisecond; a higher level takes longer and hardly saves more
ASSET_LEVEL = 9  # once, when we start

NOT_AT_ALL = re.compile(r"\s*q\s*=\s*0(\.0*)?\s*", re.IGNORECASE)


def takes_gzip(accept_encoding: str) -> bool:
    """Whether somebody who sends this header understands gzip, and wants it."""
    for offer in accept_encoding.split(","):
        name, _, quality = offer.partition(";")
        if name.strip().lower() == "gzip":
            return not NOT_AT_ALL.fullmatch(quality)
    return False


def compress(content: bytes, level: int = PAGE_LEVEL) -> bytes:
    """The content in gzip; the same content is always the same bytes."""
    return gzip.compress(content, level, mtime=0)
