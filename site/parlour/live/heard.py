"""Tells the other pages of somebody who listens how far they have come; nobody else learns of it here."""

from collections.abc import Sequence

from parlour.events import Event, RecordingHeard
from parlour.live.audience import Audience
from parlour.live.frames import Frames


class Heard:
    """Hears of listening, and writes it to that person's own pages of that conversation, on whatever device."""

    def __init__(self, audience: Audience, frames: Frames) -> None:
        self._audience = audience
        self._frames = frames

    def hear(self, events: Sequence[Event]) -> None:
        """What a page misses is on it when it is loaded again."""
        for event in events:
            if isinstance(event, RecordingHeard):
                pages = [
                    page
                    for page in self._audience.of_user(event.user_id)
                    if page.conversation_id == event.conversation_id and page.listens
                ]
                frame = self._frames.heard(event) if pages else b""
                for page in pages:
                    page.wire.write(frame)
