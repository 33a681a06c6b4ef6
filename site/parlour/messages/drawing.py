"""Draws messages: as a row of the page, and as the partials that bring an open page up to date."""

from datetime import datetime
from functools import lru_cache

import msgspec
from markupsafe import Markup

from parlour.conversations.marks import PLAYED, Marks
from parlour.messages.history import Line
from parlour.messages.markup import render
from parlour.templating import Templates
from parlour.voice.listened import NOTHING, Listened, Progress
from parlour.voice.recordings import Sound, Source
from parlour.voice.waveform import LOUDEST

BAR_STEP = 4  # units of a waveform's drawing, from one bar to the next
WAVE_HEIGHT = 32
KEPT_WAVES = 1_024  # each is drawn with every page that shows its message


class Voice(msgspec.Struct, frozen=True):
    """A recording as its message shows it."""

    id: int
    seconds: float
    preparing: bool
    gone: bool  # from the store; nothing can be heard
    sources: list[Source]
    wave: str  # the path of its waveform
    progress: Progress | None  # where it is not known, the page that has the row keeps what it knows
    speed: float | None
    key: str | None  # of one's own: the page that sent it knows the take by it


NOBODY = Marks()


class MessageRow(msgspec.Struct, frozen=True):
    """A message as a viewer sees it; what `messages/_article.html` shows."""

    id: int
    conversation_id: int
    seq: int
    revision: int
    author_id: int
    author_name: str
    mine: bool
    html: Markup
    deleted: bool
    edited: bool
    changed: bool  # since it was posted
    posted_at: datetime
    continues: bool
    opens_day: bool
    voice: Voice | None
    state: str  # of one's own: in a fragment as if it had come to nobody, since the page knows better


def as_row(line: Line, *, mine: bool, listened: Listened | None = None, marks: Marks = NOBODY) -> MessageRow:
    """The row of a message, for its author or for the others."""
    return MessageRow(
        id=line.id,
        conversation_id=line.conversation_id,
        seq=line.seq,
        revision=line.revision,
        author_id=line.author_id,
        author_name=line.author_name,
        mine=mine,
        html=render(line.text) if line.text else Markup(),
        deleted=line.deleted,
        edited=line.edited,
        changed=line.revision != line.posted_revision,
        posted_at=line.posted_at,
        continues=line.continues,
        opens_day=line.opens_day,
        voice=_voice(line.recording, listened, line.key if mine else None) if line.recording else None,
        state=PLAYED if line.played else marks.state_of(line.seq),
    )


def as_page(lines: list[Line], viewer_id: int, listened: Listened, marks: Marks) -> list[MessageRow]:
    """The rows of a page; its first one stands under its day and its author, whatever came before it."""
    rows = [as_row(line, mine=line.author_id == viewer_id, listened=listened, marks=marks) for line in lines]
    if rows:
        rows[0] = msgspec.structs.replace(rows[0], opens_day=True, continues=False)
    return rows


def _voice(sound: Sound, listened: Listened | None, key: str | None) -> Voice:
    return Voice(
        id=sound.id,
        seconds=sound.seconds,
        preparing=sound.preparing,
        gone=not sound.sources,
        sources=sound.sources,
        wave=_wave(sound.peaks),
        progress=listened.of(sound.id) if listened else None,
        speed=listened.speed if listened else None,
        key=key,
    )


@lru_cache(KEPT_WAVES)
def _wave(peaks: bytes) -> str:
    """One line for each bar, around the middle; its round ends stand out by half its width."""
    lines = []
    for place, peak in enumerate(peaks):
        height = 2 + peak * (WAVE_HEIGHT - 2) // LOUDEST
        lines.append(f"M{place * BAR_STEP + 2} {(WAVE_HEIGHT - height) // 2 + 1}v{height - 2}")
    return "".join(lines)


class Drawing:
    """The fragments of messages."""

    def __init__(self, templates: Templates) -> None:
        self._change, self._cursor, self._answer = templates.macros(
            "messages/_fragments.html", "change", "cursor", "answer"
        )

    def change(self, line: Line, *, mine: bool, added: bool) -> str:
        """The partials for one changed message: `added` for a page that may lack it, else drawn again in its place."""
        listened = NOTHING if added else None
        return str(self._change(as_row(line, mine=mine, listened=listened), added))

    def cursor(self, revision: int) -> str:
        """The inputs named `after`, anew."""
        return str(self._cursor(revision))

    def answer(self, key: str, revision: int | None) -> str:
        """The inputs of the composer that are new after a form was answered."""
        return str(self._answer(key, revision))
