"""Files that mean harm, or are none of what they say; each is made here, and must cost little and reach nothing."""

import io
import random
import struct
from collections.abc import Iterator
from fractions import Fraction

import av
from av.packet import Packet

from voice.voices import EVERY_SAMPLE, PHONE, WEBM, Sample

MP3 = EVERY_SAMPLE[7]
SIX_HOURS_S = 6 * 3600
MANY = 100_000
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc000000301010018dd8db00000000049454e44ae426082"
)
HEADS = (b"ID3\x04\0\0\0\0\0\0", b"OggS", WEBM.content[:64], PHONE.content[:32])
HTML = b"<!doctype html><script>alert(document.domain)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def refused_files(canary: str, local_file: str) -> Iterator[tuple[str, bytes]]:
    """Each file by what it is; all of them are 415."""
    yield "nothing at all", b""
    yield "zeros", bytes(100_000)
    yield "noise", random.Random(1).randbytes(100_000)
    yield "a page", HTML
    yield "a drawing", SVG
    yield "an image", PNG
    yield from playlists(canary, local_file)
    for sample in EVERY_SAMPLE:
        yield f"the head of {sample.name}", sample.content[:32]
        yield f"{sample.name} with every tenth byte turned", turned(sample, 0.1)
    for sample in EVERY_SAMPLE:
        yield f"{sample.name}, cut off", sample.content[: len(sample.content) * 2 // 3 - 1]
    yield "an mp3 without its last bytes", MP3.content[:-40]
    yield "an mp3 that is cut between two frames", MP3.content[: MP3.content.index(b"\xff\xfb", 20_000)]
    for rate in (1, 1_000, 192_001):
        yield f"a wav of {rate} samples a second", at_rate(rate)
    yield "an image behind the head of a webm", WEBM.content[:4] + PNG
    yield "an image that says it is mp3", b"ID3" + PNG
    yield "the head of a webm and then a page", WEBM.content[:32] + HTML * 1000
    yield "a picture that moves, with sound", film()
    yield "two tracks of sound", two_tracks()
    yield "a hundred thousand tracks", many_tracks()


def playlists(canary: str, local_file: str) -> Iterator[tuple[str, bytes]]:
    """Lists that would have whoever opens them open something else; as they are, and behind heads that are let in."""
    hls = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{}\n#EXT-X-ENDLIST\n"
    concat = "ffconcat version 1.0\nfile '{}'\n"
    for address in (canary, f"file://{local_file}", local_file, f"concat:{local_file}|{local_file}"):
        for name, form in (("HLS", hls), ("concat", concat)):
            said = form.format(address).encode()
            yield f"a {name} playlist of {address}", said
            heads = () if address.startswith(("file:", "concat:")) else HEADS
            for head in heads:
                yield f"a {name} playlist of {address} after {head[:8]!r}", head + said
    yield "an mp4 whose sound lies elsewhere", elsewhere(canary)


def turned(sample: Sample, share: float) -> bytes:
    """The same file with bits flipped all over it."""
    some = random.Random(sample.name)
    content = bytearray(sample.content)
    for place in some.sample(range(len(content)), round(len(content) * share)):
        content[place] ^= 1 << some.randrange(8)
    return bytes(content)


def at_rate(rate: int) -> bytes:
    """A wav that says it has so many samples a second."""
    head, wav = slice(24, 28), bytearray(EVERY_SAMPLE[8].content)
    wav[head] = struct.pack("<I", rate)
    return bytes(wav)


def film() -> bytes:
    """Sound that comes with moving pictures."""
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as film, av.open(io.BytesIO(PHONE.content), "r") as source:
        pictures = film.add_stream("mpeg4", rate=10)
        pictures.width = pictures.height = 16
        sound = film.add_stream_from_template(source.streams.audio[0])
        for _ in range(5):
            frame = av.VideoFrame(16, 16, "yuv420p")
            film.mux(pictures.encode(frame))
        film.mux(pictures.encode(None))
        for packet in source.demux(audio=0):
            if packet.size:
                packet.stream = sound
                film.mux(packet)
    return target.getvalue()


def two_tracks() -> bytes:
    """The same sound, twice side by side."""
    target = io.BytesIO()
    with av.open(target, "w", format="webm") as both, av.open(io.BytesIO(WEBM.content), "r") as source:
        tracks = [both.add_stream_from_template(source.streams.audio[0]) for _ in range(2)]
        for packet in source.demux(audio=0):
            for track in tracks:
                if packet.size:
                    copy = Packet(bytes(packet))
                    copy.pts, copy.dts, copy.time_base, copy.stream = packet.pts, packet.dts, packet.time_base, track
                    both.mux(copy)
    return target.getvalue()


def six_hours_of_silence() -> bytes:
    """A small file that takes long to hear."""
    target = io.BytesIO()
    with av.open(target, "w", format="ogg") as silence, av.open(io.BytesIO(EVERY_SAMPLE[4].content), "r") as source:
        track = silence.add_stream_from_template(source.streams.audio[0])
        for place in range(SIX_HOURS_S * 50 // 3):
            packet = Packet(b"\xfb\x03\xff\xfe\xff\xfe\xff\xfe")  # three frames of 20 ms in which nobody speaks
            packet.pts = packet.dts = place * 2880
            packet.time_base, packet.duration, packet.stream = Fraction(1, 48_000), 2880, track
            silence.mux(packet)
    return target.getvalue()


def many_tracks() -> bytes:
    """A webm whose list of tracks alone takes megabytes."""
    tracks = b"".join(
        element(0xAE, element(0xD7, struct.pack(">I", number)) + element(0x83, b"\x02") + element(0x86, b"A_OPUS"))
        for number in range(1, MANY + 1)
    )
    head = element(0x1A45DFA3, element(0x4282, b"webm"))
    return head + element(0x18538067, element(0x1654AE6B, tracks))


def elsewhere(address: str) -> bytes:
    """An mp4 whose data reference names an address."""
    url = box(b"url ", b"\0\0\0\0" + address.encode() + b"\0")
    reference = box(b"dref", struct.pack(">II", 0, 1) + url)
    content = bytearray(PHONE.content)
    place = content.find(b"dref") - 4
    size = struct.unpack(">I", content[place : place + 4])[0]
    content[place : place + size] = reference
    return bytes(content)


def polyglots() -> Iterator[tuple[str, bytes]]:
    """Recordings that are something else as well: what is no sound of theirs must not be kept."""
    size = bytes([len(HTML) >> 21 & 127, len(HTML) >> 14 & 127, len(HTML) >> 7 & 127, len(HTML) & 127])
    yield "mp3 with a page in its tags", b"ID3\x04\0\0" + size + HTML + MP3.content.removeprefix(b"ID3")
    yield "mp3 with a page behind it", MP3.content + HTML
    yield "webm with a page behind it", WEBM.content + element(0xEC, HTML)
    yield "m4a with a page in a free box", PHONE.content + box(b"free", HTML)
    yield "webm with a page behind its setup", with_setup(WEBM, "webm", HTML)
    yield "ogg with a page behind its setup", with_setup(EVERY_SAMPLE[4], "ogg", HTML)
    yield "m4a with a page behind its setup", with_setup(PHONE, "mp4", HTML)
    yield "webm with a page beside each packet", beside_packets(HTML)
    yield "wav with a page in a chunk", EVERY_SAMPLE[8].content + b"LIST" + struct.pack("<I", len(HTML)) + HTML


def with_setup(sample: Sample, container: str, more: bytes) -> bytes:
    """The same sound, with more than the codec needs where it is told how to begin."""
    target = io.BytesIO()
    with av.open(target, "w", format=container) as copy, av.open(io.BytesIO(sample.content), "r") as source:
        track = copy.add_stream_from_template(source.streams.audio[0])
        track.codec_context.extradata = bytes(source.streams.audio[0].codec_context.extradata or b"") + more
        for packet in source.demux(audio=0):
            if packet.size:
                packet.stream = track
                copy.mux(packet)
    return target.getvalue()


def beside_packets(more: bytes) -> bytes:
    """A webm whose blocks hold something besides their sound."""
    with av.open(io.BytesIO(WEBM.content), "r") as source:
        packets = [bytes(packet) for packet in source.demux(audio=0) if packet.size]
        head = bytes(source.streams.audio[0].codec_context.extradata or b"")
    besides = element(0x75A1, element(0xA6, element(0xEE, b"\x01") + element(0xA5, more)))
    groups = b"".join(
        element(0xA0, element(0xA1, b"\x81" + struct.pack(">h", 60 * place) + b"\0" + packet) + besides)
        for place, packet in enumerate(packets)
    )
    sound = element(0xE1, element(0xB5, struct.pack(">f", 48_000)) + element(0x9F, b"\x01"))
    track = element(0xD7, b"\x01") + element(0x73C5, b"\x01") + element(0x83, b"\x02") + element(0x86, b"A_OPUS")
    track += element(0x55EE, b"\x04") + element(0x63A2, head) + sound
    tracks = element(0x1654AE6B, element(0xAE, track))
    cluster = element(0x1F43B675, element(0xE7, b"\0") + groups)
    beginning = element(0x1A45DFA3, element(0x4282, b"webm"))
    return beginning + element(0x18538067, tracks + cluster)


def element(name: int, content: bytes) -> bytes:
    """An EBML element."""
    return name.to_bytes((name.bit_length() + 7) // 8, "big") + (1 << 56 | len(content)).to_bytes(8, "big") + content


def box(name: bytes, content: bytes) -> bytes:
    """An MP4 box."""
    return struct.pack(">I", 8 + len(content)) + name + content
