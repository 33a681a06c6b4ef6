"""Whether a file was cut off: its last piece must be as long as it says. What is left of a cut one may still decode."""

import os
from collections.abc import Callable
from typing import BinaryIO

from parlour.voice.formats import Kind
from parlour.voice.mpeg_audio import has_all_its_frames

PIECES_AT_MOST = 200_000
SEGMENT, CLUSTER = 0x18538067, 0x1F43B675  # the elements of a webm that hold others, and may not say how long they are
OGG_HEAD_BYTES = 27
BOX_HEAD_BYTES = 8
RIFF_HEAD_BYTES = 12
OPEN_LENGTH = 0xFFFFFFFF


def is_whole(source: BinaryIO, kind: Kind) -> bool:
    """Whether the file goes on to where its last piece ends."""
    if kind is Kind.MP3:
        source.seek(0)
        return has_all_its_frames(source.read())
    step = STEPS[kind]
    end, place = os.fstat(source.fileno()).st_size, 0
    for _ in range(PIECES_AT_MOST):
        source.seek(place)
        length = step(source, end - place)
        if length is None or place + length > end:
            return False
        place += length
        if place == end:
            return True
    return False


def _webm_step(source: BinaryIO, _left: int) -> int | None:
    """From the beginning of an element to the next one; into those that hold others."""
    first = source.read(1)
    if not first or not first[0] or (id_bytes := 9 - first[0].bit_length()) > 4:
        return None
    name = int.from_bytes(first + source.read(id_bytes - 1), "big")
    first = source.read(1)
    if not first or not first[0]:
        return None
    size_bytes = 9 - first[0].bit_length()
    mask = (1 << 7 * size_bytes) - 1
    size = int.from_bytes(first + source.read(size_bytes - 1), "big") & mask
    head = id_bytes + size_bytes
    if name in (SEGMENT, CLUSTER):
        return head
    return None if size == mask else head + size


def _ogg_step(source: BinaryIO, _left: int) -> int | None:
    head = source.read(OGG_HEAD_BYTES)
    if len(head) < OGG_HEAD_BYTES or not head.startswith(b"OggS"):
        return None
    lengths = source.read(head[-1])
    return OGG_HEAD_BYTES + len(lengths) + sum(lengths) if len(lengths) == head[-1] else None


def _mp4_step(source: BinaryIO, left: int) -> int | None:
    head = source.read(16)
    size = int.from_bytes(head[:4], "big")
    if size == 1:
        size = int.from_bytes(head[8:], "big")
    # Nothing says how long the last box is, or what follows is no box any more: in either case nothing is missing.
    return size if size >= BOX_HEAD_BYTES else left


def _wav_step(source: BinaryIO, left: int) -> int | None:
    head = source.read(RIFF_HEAD_BYTES)
    if head.startswith(b"RIFF"):
        return RIFF_HEAD_BYTES
    size = int.from_bytes(head[4:8], "little")
    # A recorder that could not go back leaves the length open; and an odd chunk may end the file without its pad.
    return left if len(head) < 8 or size in (0, OPEN_LENGTH) or 8 + size == left else 8 + size + size % 2


STEPS: dict[Kind, Callable[[BinaryIO, int], int | None]] = {
    Kind.WEBM: _webm_step,
    Kind.OGG: _ogg_step,
    Kind.M4A: _mp4_step,
    Kind.WAV: _wav_step,
}
