"""Draws what a live page writes: each change is one line of HTML, drawn once for each kind of viewer."""

import re
from collections.abc import Sequence

import msgspec

from parlour.inbox.listing import Entry
from parlour.live.live_page import Ending
from parlour.live.shown import Shown
from parlour.messages.drawing import MessageRow, as_row
from parlour.messages.feed import Change, in_order
from parlour.messages.history import Line
from parlour.messages.markup import preview
from parlour.templating import Templates
from parlour.voice.listened import NOTHING

ROWS_COME_HERE = "<!-- rows -->"
# Only inside of these a line's end is more than a space.
KEPT_OR_BROKEN = re.compile(r"<pre\b.*?</pre>|\s*\n\s*", re.DOTALL)


class Lines:
    """Every kind of line that a live page writes."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates
        self._row = templates.get("live/row.html")
        self._later = templates.get("live/later.html")
        self._states = templates.get("live/states.html")
        self._list = templates.get("live/snapshot.html")
        self._beat = templates.get("live/beat_line.html")
        self._mark = templates.get("live/mark.html")
        self._above = templates.get("live/above.html")
        self._elsewhere = templates.get("live/elsewhere_line.html")
        self._last_words = templates.get("live/last_words.html")

    def document(self, name: str, **context: object) -> list[str]:
        """The document around the rows, in the parts that come before, between and behind them."""
        return self._templates.draw(name, **context).strip().split(ROWS_COME_HERE + "\n")

    def rows(self, rows: Sequence[MessageRow]) -> str:
        """The lines of messages that are there already."""
        return "".join(_one_line(self._row.render(row=row)) for row in rows)

    def changes(self, changes: Sequence[Change], viewer_id: int, after: int, shown: Shown) -> str:
        """The lines that bring a page from revision `after` up to these changes; `shown` notes them."""
        return "".join(self._change(change, viewer_id, after, shown) for change in in_order(changes, after))

    def snapshot(self, entries: Sequence[Entry]) -> str:
        """The list of conversations as it is now; it takes the place of the one before."""
        return _one_line(self._list.render(entries=entries))

    def beat(self, again: str) -> str:
        """What nobody sees, unless nothing follows it for long: the line is dead, and there is a link."""
        return _one_line(self._beat.render(again=again))

    def mark(self, state: str) -> str:
        """How far all one's own rows before it have come; a style says it in their place."""
        return _one_line(self._mark.render(state=state))

    def above(self, state: str, name: str) -> str:
        """How far one's own last message on the page around has come, with `name`; that page cannot say it itself."""
        return _one_line(self._above.render(state=state, name=name))

    def elsewhere(self, unread: int) -> str:
        """How much is unread in other conversations; it takes the place of what was said of that before."""
        return _one_line(self._elsewhere.render(unread_elsewhere=unread))

    def last_words(self, why: Ending, place: str, again: str, pause_s: int) -> str:
        """Why the page ends, and how it goes on at the address `again`; by itself after a pause, if at all."""
        return _one_line(self._last_words.render(why=why.value, place=place, again=again, pause_s=pause_s))

    def _change(self, change: Change, viewer_id: int, after: int, shown: Shown) -> str:
        line = change.line
        mine = line.author_id == viewer_id
        stays, begun = shown.can_say(line), shown.begun
        if line.posted_revision > after:
            shown.add(line)
            if not begun:  # it stands under its day and its author, whoever spoke before it where nobody sees it
                return self._draw_row(msgspec.structs.replace(line, continues=False, opens_day=True), mine=mine)
            return change.drawn(("row", mine), lambda: self._draw_row(line, mine=mine))
        if stays:
            return change.drawn(("states", mine), lambda: self._draw_states(line, mine=mine))
        shown.add(line)
        return change.drawn(("later", mine), lambda: self._draw_later(line, mine=mine))

    def _draw_row(self, line: Line, *, mine: bool) -> str:
        return _one_line(self._row.render(row=as_row(with_all_sources(line), mine=mine, listened=NOTHING)))

    def _draw_states(self, line: Line, *, mine: bool) -> str:
        return _one_line(self._states.render(row=as_row(line, mine=mine, listened=NOTHING)))

    def _draw_later(self, line: Line, *, mine: bool) -> str:
        row = as_row(with_all_sources(line), mine=mine, listened=NOTHING)
        return _one_line(self._later.render(row=row, preview=preview(line.text or "")))


def with_all_sources(line: Line) -> Line:
    """The message with what its recording will have once it is prepared: nothing can be put into a player later."""
    if line.recording and line.recording.preparing:
        return msgspec.structs.replace(line, recording=msgspec.structs.replace(line.recording, rendition=True))
    return line


def _one_line(html: str) -> str:
    return KEPT_OR_BROKEN.sub(_joined, html.strip()) + "\n"


def _joined(found: re.Match[str]) -> str:
    return found[0].replace("\n", "&#10;") if found[0].startswith("<pre") else " "
