"""Where the frames of an mp3 are, and whether it has as many as it says; what is cut off it decodes all the same."""

import re
from collections.abc import Iterator

MISSING_AT_MOST = 0.01  # of the frames that are announced, and one more: not everybody counts alike
BEGIN = re.compile(rb"\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff]", re.DOTALL)  # layer 3, in all its versions
KBITS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
KBITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)  # of versions 2 and 2.5
RATES_HZ = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
MPEG_1, MONO = 3, 3
VBRI_PLACE = 36
ID3_HEAD_BYTES = 10


def has_all_its_frames(content: bytes) -> bool:
    """Whether the last frame is whole, and there are about as many as the first one announces, if it does.

    What has no frames, or frames of a length that nobody says, is not judged here.
    """
    frames = announced = 0
    for place, length in _frames(content):
        if place + length > len(content):
            return False
        if not frames:
            announced = _announced(content[place : place + length])
        frames += 1
    return announced * (1 - MISSING_AT_MOST) - 1 <= frames


def _frames(content: bytes) -> Iterator[tuple[int, int]]:
    """Each frame's place, and how long it says that it is."""
    place = _behind_tag(content)
    while True:
        length = _length(content, place)
        if not length:  # whatever it is, frames may follow
            found = BEGIN.search(content, place + 1)
            while found and not _goes_on(content, found.start()):
                found = BEGIN.search(content, found.start() + 1)
            if not found:
                return
            place = found.start()
            length = _length(content, place)
        yield place, length
        place += length


def _goes_on(content: bytes, place: int) -> bool:
    """Whether a frame stands there, and not just something that looks like one: another one follows."""
    length = _length(content, place)
    return bool(length and _length(content, place + length))


def _length(content: bytes, place: int) -> int:
    """Of the frame that begins there, in bytes; 0 where none does."""
    if not BEGIN.match(content, place) or place + 4 > len(content):
        return 0
    version, step, rate = content[place + 1] >> 3 & 3, content[place + 2] >> 4, content[place + 2] >> 2 & 3
    if step in (0, 15) or rate == 3:
        return 0
    kbits, unit = (KBITS_1, 144_000) if version == MPEG_1 else (KBITS_2, 72_000)
    return unit * kbits[step] // RATES_HZ[version][rate] + (content[place + 2] >> 1 & 1)


def _announced(frame: bytes) -> int:
    """How many frames follow, if a first one without sound says it; 0 where nothing is said."""
    is_mono = frame[3] >> 6 == MONO
    place = 4 + ((17 if is_mono else 32) if frame[1] >> 3 & 3 == MPEG_1 else (9 if is_mono else 17))
    if frame[place : place + 4] in (b"Xing", b"Info") and frame[place + 7] & 1:
        return int.from_bytes(frame[place + 8 : place + 12], "big")
    if frame[VBRI_PLACE : VBRI_PLACE + 4] == b"VBRI":
        return int.from_bytes(frame[VBRI_PLACE + 14 : VBRI_PLACE + 18], "big")
    return 0


def _behind_tag(content: bytes) -> int:
    if not content.startswith(b"ID3") or len(content) < ID3_HEAD_BYTES:
        return 0
    size = 0
    for byte in content[6:ID3_HEAD_BYTES]:
        size = size << 7 | byte & 127
    return ID3_HEAD_BYTES + size
