"""What one live page holds already, as far as what comes later of it depends on that."""

from parlour.messages.history import Line


class Shown:
    """Whether rows are in view, and which of them can themselves say what has changed."""

    __slots__ = ("_captions", "begun")

    def __init__(self) -> None:
        self.begun = False  # whether a row is in view that the next one may go on with
        self._captions: dict[int, str | None] = {}  # of the recordings in view, as they were told last

    def add(self, line: Line) -> None:
        """Notes a row that has come into view, or what was told of it later."""
        self.begun = True
        if line.recording:
            self._captions[line.id] = line.text

    def can_say(self, line: Line) -> bool:
        """Whether all that has changed is how far a recording in view has come: its own row can say that."""
        can_be_heard = line.recording is not None and bool(line.recording.sources)
        return can_be_heard and line.id in self._captions and self._captions[line.id] == line.text
