"""The rows of recordings: written with the message that they belong to, and gone with it."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from sqlalchemy import Row, delete, insert

from parlour.db import Transaction
from parlour.voice.formats import FORMATS, NEEDS_RENDITION, Kind
from parlour.voice.intake import Kept
from parlour.voice.models import Recording


class Source(msgspec.Struct, frozen=True):
    """An address at which a recording can be heard, and what a browser should know before it asks."""

    suffix: str
    media_type: str


class Sound(msgspec.Struct, frozen=True):
    """A recording as everybody sees it in a message."""

    id: int
    kind: str
    codec: str
    seconds: float
    peaks: bytes
    preparing: bool
    rendition: bool  # whether there is an m4a beside the original
    missing: bool = False  # the original

    @property
    def sources(self) -> list[Source]:
        """The original first; none where nothing of it is left."""
        found = [] if self.missing else [Source(self.kind, _typed(Kind(self.kind), self.codec))]
        return [*found, Source(Kind.M4A, _typed(Kind.M4A, "aac"))] if self.rendition else found


SOUND_COLUMNS = (
    Recording.id.label("recording_id"),
    Recording.kind,
    Recording.codec,
    Recording.seconds,
    Recording.peaks,
    Recording.preparing,
    Recording.rendition_bytes,
    Recording.missing,
)
INSERT = insert(Recording).returning(Recording.id, sort_by_parameter_order=True)
CODECS = {"opus": "opus", "vorbis": "vorbis", "aac": "mp4a.40.2"}


def as_sound(row: Row[tuple[object, ...]]) -> Sound | None:
    """The recording in a row that has SOUND_COLUMNS, if there is one."""
    if row.recording_id is None:
        return None
    rendition = row.rendition_bytes is not None
    return Sound(
        row.recording_id, row.kind, row.codec, row.seconds, row.peaks, row.preparing, rendition, missing=row.missing
    )


def rendition_of(name: str) -> str:
    """What the rendition of a recording is called in the store."""
    return f"{name}.{Kind.M4A}"


def objects_of(name: str, kind: str) -> list[str]:
    """What a recording of that name may have in the store: the original, and its rendition."""
    return list(dict.fromkeys((f"{name}.{kind}", rendition_of(name))))


async def keep(db: Transaction, kept: Sequence[Kept]) -> list[Sound]:
    """Writes the rows of recordings whose bytes are in the store, in order."""
    now = datetime.now(UTC)
    rows = [
        msgspec.structs.asdict(one) | {"preparing": one.kind in NEEDS_RENDITION, "tries": 0, "created_at": now}
        for one in kept
    ]
    ids = [row.id for row in await db.execute(INSERT, rows)]
    return [
        Sound(number, one.kind, one.codec, one.seconds, one.peaks, one.kind in NEEDS_RENDITION, rendition=False)
        for number, one in zip(ids, kept, strict=True)
    ]


async def forget(db: Transaction, recording_id: int) -> list[str]:
    """Removes a row; what is then to be removed from the store, once this is committed."""
    gone = (
        await db.execute(
            delete(Recording).where(Recording.id == recording_id).returning(Recording.name, Recording.kind)
        )
    ).one_or_none()
    return objects_of(gone.name, gone.kind) if gone else []


def _typed(kind: Kind, codec: str) -> str:
    media_type = FORMATS[kind].media_type
    return f'{media_type}; codecs="{CODECS[codec]}"' if codec in CODECS else media_type
