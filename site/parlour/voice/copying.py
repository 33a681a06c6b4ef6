"""Copies a recording's packets into a new file: with its length, an index, and nothing else that the old one had.

Their times are counted anew from 0, by what was decoded from them: a file may begin anywhere, leave gaps and overlap.
"""

from fractions import Fraction
from typing import BinaryIO

import av
from av.audio.stream import AudioStream
from av.packet import Packet

from parlour.voice.formats import FORMATS, Kind, NoSound

WRITE = {
    "fflags": "+bitexact",  # neither the time nor the program
    "id3v2_version": "0",  # no tags
    "cluster_time_limit": "1000",  # ms; a webm can be entered at each second
}
SILENT_AT_MOST = 100  # packets without a sample one after the other; codecs begin with some
NEAR_S = 0.06  # as near a player's scale must be to what is heard

# RFC 6716, table 2: the samples of a frame, at 48 kHz, by the first five bits of a packet.
OPUS_RATE_HZ = 48_000
OPUS_FRAMES = (480, 960, 1_920, 2_880) * 3 + (480, 960) * 2 + (120, 240, 480, 960) * 4


class Copy:
    """The new file, while it is written."""

    def __init__(self, target: BinaryIO, source: AudioStream, setup: bytes, kind: Kind) -> None:
        self._container = av.open(target, "w", format=FORMATS[kind].muxer, options=WRITE)
        self._stream = self._container.add_stream_from_template(source)
        self._stream.metadata.clear()
        self._stream.codec_context.extradata = setup or None
        self._codec = source.codec_context
        self._is_opus = self._codec.name == "opus"
        self._silent: list[tuple[Packet[AudioStream], int]] = []
        self._time = 0  # in samples, of the next packet; not known before the first sample
        self._sounds = False  # whether there was one
        self._base = Fraction(1, OPUS_RATE_HZ)

    def keep(self, packet: "Packet[AudioStream]", samples: int) -> None:
        """The next packet, from which so many samples were decoded. Raises NoSound."""
        length = self._length(packet, samples)
        if not samples:  # it is heard by what it does for the next one; where none follows it is not kept
            self._silent.append((packet, length))
            if len(self._silent) > SILENT_AT_MOST:
                raise NoSound
            return
        sounds = samples
        if not self._sounds:  # what is not heard of the first packets lies before the beginning
            self._time = samples - length - sum(silent for _, silent in self._silent)
            if not self._is_opus:
                self._base = Fraction(1, self._codec.sample_rate)
            sounds, self._sounds = length, True
        for silent in self._silent:
            self._write(*silent, silent[1])
        self._silent.clear()
        self._write(packet, length, sounds)

    def finish(self) -> None:
        self._container.close()

    def _length(self, packet: "Packet[AudioStream]", samples: int) -> int:
        """How long it would be if nothing were left out at the beginning and the end, in samples."""
        if self._is_opus:
            return opus_samples(bytes(memoryview(packet)[:2]))
        return self._codec.frame_size or samples

    def _write(self, packet: "Packet[AudioStream]", length: int, sounds: int) -> None:
        # A new one has nothing with it: neither a setup for the codec, nor what a block of a webm may hold besides.
        copy = Packet(bytes(packet))
        if packet.has_sidedata("skip_samples"):
            copy.set_sidedata(packet.get_sidedata("skip_samples"))
        copy.is_keyframe = True
        copy.time_base = self._base
        copy.pts = copy.dts = self._time
        copy.duration = sounds
        copy.stream = self._stream
        self._container.mux(copy)
        self._time += length


def opus_samples(head: bytes) -> int:
    """How long a packet of Opus is that begins so, at 48 kHz. Raises NoSound."""
    if not head or (head[0] & 3 == 3 and len(head) == 1):
        raise NoSound
    frames = (1, 2, 2, head[-1] & 63)[head[0] & 3]
    return OPUS_FRAMES[head[0] >> 3] * frames


def check_length(written: BinaryIO, kind: Kind, seconds: float) -> None:
    """Raises NoSound where a player would show another length than what is heard."""
    written.seek(0)
    with av.open(written, "r", format=FORMATS[kind].demuxer) as container:
        sound = container.streams.audio[0]
        # What an ogg's codec needs before it begins is counted as if it were heard.
        before_s = sound.codec_context.delay / sound.codec_context.sample_rate
        begins_s, lasts_s = (container.start_time or 0) / av.time_base, (container.duration or 0) / av.time_base
    # An mp3 has no times, and is said to begin where it is heard.
    is_off = abs(begins_s) > NEAR_S and kind is not Kind.MP3
    if is_off or not -NEAR_S <= lasts_s - seconds <= NEAR_S + before_s:
        raise NoSound
