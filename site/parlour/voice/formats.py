"""The kinds of recordings that are taken: told apart by their first bytes, never by a name or what was declared."""

import re
from enum import StrEnum

import msgspec

HEAD_BYTES = 64  # of a file are enough to tell


class NoSound(Exception):
    """This is no recording, or a broken one."""


class Kind(StrEnum):
    """A container; its value is also the suffix of the address at which it is heard."""

    WEBM = "webm"
    OGG = "ogg"
    M4A = "m4a"
    MP3 = "mp3"
    WAV = "wav"


class Format(msgspec.Struct, frozen=True):
    """How a kind is read, written and named to browsers."""

    demuxer: str  # the only one that may open such a file
    muxer: str
    media_type: str
    codecs: frozenset[str]  # what may be in it; a codec's setup data in other pairs could carry what is no sound


PCM = frozenset({"pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_u8", "pcm_f32le", "pcm_alaw", "pcm_mulaw"})
FORMATS = {
    Kind.WEBM: Format("matroska", "webm", "audio/webm", frozenset({"opus"})),
    Kind.OGG: Format("ogg", "ogg", "audio/ogg", frozenset({"opus", "vorbis"})),
    Kind.M4A: Format("mov", "mp4", "audio/mp4", frozenset({"aac", "opus", "mp3"})),
    Kind.MP3: Format("mp3", "mp3", "audio/mpeg", frozenset({"mp3"})),
    Kind.WAV: Format("wav", "wav", "audio/wav", PCM),
}
NEEDS_RENDITION = frozenset({Kind.WEBM, Kind.OGG})  # what older Safari does not play

MAGIC = (
    (Kind.WEBM, re.compile(rb"\x1a\x45\xdf\xa3")),
    (Kind.OGG, re.compile(rb"OggS")),
    (Kind.M4A, re.compile(rb".{4}ftyp", re.DOTALL)),
    (Kind.WAV, re.compile(rb"RIFF.{4}WAVE", re.DOTALL)),
    (Kind.MP3, re.compile(rb"ID3|\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff]", re.DOTALL)),
)


def sniff(head: bytes) -> Kind | None:
    """The kind of a file that begins so, or None for what is no recording that is taken here."""
    return next((kind for kind, magic in MAGIC if magic.match(head)), None)
