"""Draws the frames of the socket; each is HTML that htmx swaps in, framed once for everybody who gets it."""

from collections.abc import Sequence

from parlour.conversations.marks import Marks
from parlour.events import RecordingHeard
from parlour.inbox.listing import Entry
from parlour.live.wire import text_frame
from parlour.live.wire_frames import PING, make_frame
from parlour.messages.drawing import Drawing
from parlour.messages.feed import Change, fragments
from parlour.templating import Templates


class Frames:
    """Every kind of frame, as the bytes that go over the wire."""

    def __init__(self, templates: Templates, drawing: Drawing) -> None:
        self._drawing = drawing
        (self._entry,) = templates.macros("live/entry.html", "moving")
        self._company = templates.get("live/company.html")
        self._heard = templates.get("live/heard.html")
        self._list = templates.get("live/list.html")
        self.beat = _framed(templates.draw("live/beat.html"))
        # A browser answers a ping by itself, also for a page that nobody looks at; a page that has gone does not.
        self.pulse = self.beat + make_frame(PING, b"")
        self.reload = _framed(templates.draw("live/reload.html"))
        self.signed_out = _framed(templates.draw("live/signed_out.html"))
        self.removed = _framed(templates.draw("live/removed.html"))

    def changes(self, changes: Sequence[Change], viewer_id: int, after: int, revision: int) -> bytes:
        """What brings a page from revision `after` to `revision`."""
        return _framed(fragments(changes, viewer_id, after) + self._drawing.cursor(revision))

    def entry(self, entry: Entry, *, moved: bool) -> bytes:
        """A line of the list: at its top where it has moved there, else in its place."""
        return _framed(self._entry(entry, moved))

    def company(self, marks: Marks | None, activity: str | None) -> bytes:
        """How the others of a conversation stand; what is None has not changed."""
        return _framed(self._company.render(marks=marks, activity=activity))

    def heard(self, place: RecordingHeard) -> bytes:
        """How far one has come with a recording, for one's own other pages."""
        return _framed(self._heard.render(place=place))

    def whole_list(self, entries: Sequence[Entry]) -> bytes:
        """The list anew."""
        return _framed(self._list.render(entries=entries))


def _framed(html: str) -> bytes:
    return text_frame(html.encode())
