"""Writes live pages: the document around the rows, what comes about, beats, and last words."""

import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from time import monotonic
from typing import Protocol

import msgspec

from parlour.errors import Unavailable
from parlour.live.lines import Lines
from parlour.live.live_page import Ending, LivePage
from parlour.live.live_pages import LivePages

BEAT_EVERY_S = 15.0
TRY_AGAIN_S = 1.0
CHARACTERS_AT_MOST = 4_000_000  # of one document; the browser keeps all of it
RESTART_TAKES_S = 7  # pages come back after so long; one that comes too early finds an error, and stays there
SPREAD_S = 5  # or up to so much later, that not all of them come at once


class Limits(msgspec.Struct, frozen=True):
    """How long a live page lives, and how many rows it writes, before it goes on as a new one."""

    age_s: int
    rows: int


class Source(Protocol):
    """What a live page is about."""

    page: LivePage
    place: str  # the page of which it is the live part

    @property
    def address(self) -> str:
        """Where a page goes on from here."""

    @property
    def seen(self) -> int:
        """The place of the newest message that was given."""

    async def begin(self, lines: Lines) -> tuple[str, str]:
        """The document: all up to the first row that comes about, and what closes it. Raises NotThere, Unavailable."""

    async def fresh(self, lines: Lines, at_most: int) -> tuple[str, int]:
        """What is new, in no more than so many rows, and how many they are. Raises Unavailable."""


class Telling:
    """Writes each live page from its first character to its last."""

    def __init__(self, pages: LivePages, lines: Lines, limits: Limits) -> None:
        self._pages = pages
        self._lines = lines
        self._limits = limits

    async def tell(self, source: Source) -> AsyncGenerator[str]:
        """All that the page shows. What was taken of it has been read. Raises what `begin` raises."""
        page = source.page
        self._pages.enter(page)  # before anything is looked up, so that nothing falls between
        try:
            await self._pages.check_session(page)
            before, behind = await source.begin(self._lines)
            yield before + self._lines.beat(source.address)
            self._pages.read(page, source.seen)
            async for line in self._go_on(source):
                yield line
                self._pages.read(page, source.seen)
            if page.ending is not Ending.GONE:
                yield self._last_words(source) + behind
        finally:
            self._pages.go(page)

    async def _go_on(self, source: Source) -> AsyncIterator[str]:
        page, rows, characters = source.page, 0, 0
        ends_at = monotonic() + self._limits.age_s
        while page.ending is None:
            try:
                line, count = await source.fresh(self._lines, self._limits.rows - rows)
            except Unavailable:
                await page.wait(TRY_AGAIN_S)
                continue
            if line:
                yield line + self._lines.beat(source.address)  # the line may be cut behind any row
                rows, characters = rows + count, characters + len(line)
                if rows >= self._limits.rows or characters > CHARACTERS_AT_MOST:
                    page.end(Ending.AGE)
            elif not await page.wait(min(BEAT_EVERY_S, max(0.0, ends_at - monotonic()))):
                if monotonic() >= ends_at:
                    page.end(Ending.AGE)
                else:
                    yield self._lines.beat(source.address)

    def _last_words(self, source: Source) -> str:
        why = source.page.ending or Ending.GONE
        pause_s = RESTART_TAKES_S + secrets.randbelow(SPREAD_S) if why is Ending.RESTART else 0
        return self._lines.last_words(why, source.place, source.address, pause_s)
