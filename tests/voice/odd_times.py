"""Recordings whose packets say other times than those at which they are heard, as recorders and streams leave them."""

import io
import struct
from collections.abc import Callable, Iterator
from fractions import Fraction

import av

from voice.voices import EVERY_SAMPLE, PHONE, WEBM, Sample

OGG = EVERY_SAMPLE[4]
IN_PIECES = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
AN_HOUR = 3600 * 48_000

Times = Callable[[int, Fraction], Fraction]


def with_odd_times() -> Iterator[tuple[str, float, bytes]]:
    """Each by what it is, with the seconds that are heard of it, and the file."""
    for sample, container in ((WEBM, "webm"), (OGG, "ogg"), (PHONE, "mp4"), (EVERY_SAMPLE[3], "mp4")):
        for what, times in TIMES.items():
            if container == "ogg" and times is close_together:  # there it means that the end is to be left out
                continue
            content = at_other_times(sample, container, times)
            yield f"{sample.name} {what}", sample.seconds, content
            if container == "webm":
                yield f"{sample.name} {what}, and no length", sample.seconds, without_length(content)
            if container == "mp4":
                content = at_other_times(sample, container, times, IN_PIECES)
                yield f"{sample.name} in pieces {what}", sample.seconds, content
    yield "two oggs, one after the other", 2 * OGG.seconds, OGG.content * 2
    yield "an ogg from a stream that began an hour ago", OGG.seconds, later(OGG.content)


def close_together(place: int, _time: Fraction) -> Fraction:
    return place * Fraction(2, 1000)


TIMES: dict[str, Times] = {
    "that begins after five minutes": lambda _place, time: time + 300,
    "with a little silence after each packet": lambda place, time: time + place * Fraction(80, 1000),
    "with packets that are 2 ms apart": close_together,
}


def at_other_times(sample: Sample, container: str, times: Times, options: dict[str, str] | None = None) -> bytes:
    """The same packets; each time is what `times` makes of its place and its old one, in seconds."""
    target = io.BytesIO()
    with (
        av.open(target, "w", format=container, options=options or {}) as copy,
        av.open(io.BytesIO(sample.content), "r") as source,
    ):
        track = copy.add_stream_from_template(source.streams.audio[0])
        for place, packet in enumerate(source.demux(audio=0)):
            if packet.size and packet.pts is not None:
                packet.pts = packet.dts = round(times(place, packet.pts * packet.time_base) / packet.time_base)
                packet.stream = track
                copy.mux(packet)
    return target.getvalue()


def without_length(webm: bytes) -> bytes:
    """As a browser leaves it that sends what it records piece by piece."""
    length = webm.index(b"\x44\x89\x88")
    return webm[:length] + b"\xec\x89" + bytes(9) + webm[length + 11 :]


def later(ogg: bytes) -> bytes:
    """Its pages say that an hour has passed before; the two that come before the sound say nothing."""
    pages = [bytearray(b"OggS" + page) for page in ogg.split(b"OggS")[1:]]
    for page in pages[2:]:
        [time] = struct.unpack_from("<q", page, 6)
        struct.pack_into("<q", page, 6, time + AN_HOUR)
        struct.pack_into("<I", page, 22, 0)
        struct.pack_into("<I", page, 22, checksum(page))
    return b"".join(pages)


def checksum(page: bytearray) -> int:
    """RFC 3533: a CRC without any reflection."""
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value >> 31 else 0)) & 0xFFFFFFFF
    return value
