"""Reads a recording to its end, in a process of its own: how long it really is, its waveform, and its packets anew.

A header may say anything, so nothing that it says is believed: the length is what was decoded.
"""

from array import array
from collections.abc import Iterator
from typing import BinaryIO

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.packet import Packet
from av.stream import Disposition

from parlour.voice.copying import Copy, check_length
from parlour.voice.formats import FORMATS, Kind, NoSound
from parlour.voice.setup_data import clean
from parlour.voice.waveform import RATE_HZ, Levels
from parlour.voice.wholeness import is_whole

TRACKS_AT_MOST = 8  # of whatever sort; no recorder writes more
BROKEN_AT_MOST = 0.02  # of the packets: a click is no reason to refuse what somebody said
TELLS_LENGTH = (Kind.WEBM, Kind.OGG, Kind.M4A, Kind.WAV)  # in mp3 it is mostly a guess
MISSING_AT_MOST = 1.05  # how much longer a whole file may say that it is
RATES_HZ = range(4_000, 192_001)  # below is no speech, and above no recorder
DECODED_AS = {"mp3float": "mp3"}

OPEN = {
    "protocol_whitelist": "none",  # what is handed over is all there is
    "max_streams": str(TRACKS_AT_MOST),
}


class TooLong(Exception):
    """There is more of it than is taken."""


class Opened:
    """A recording whose one track of sound can be read."""

    def __init__(self, source: BinaryIO, kind: Kind) -> None:
        """Opens the file as `kind` and as nothing else. Raises NoSound, and av's FFmpegError."""
        self.container = av.open(source, "r", format=FORMATS[kind].demuxer, options=OPEN, metadata_errors="replace")
        self.stream = self._find_sound()
        if not getattr(self.stream, "codec_context", None):  # a codec that nobody knows
            raise NoSound
        codec = self.stream.codec_context
        codec.thread_count = 1
        self.codec = DECODED_AS.get(codec.name, codec.name)
        if self.codec not in FORMATS[kind].codecs:
            raise NoSound
        self.setup = clean(self.codec, bytes(codec.extradata or b""))

    @property
    def declared_s(self) -> float:
        """How long the file says that it is; nothing where it does not say."""
        return (self.container.duration or 0) / av.time_base

    def frames(self) -> Iterator[AudioFrame]:
        """What can be decoded, in order."""
        for packet in self.container.demux(self.stream):
            try:
                frames = packet.decode()
            except av.FFmpegError:  # a click; there are few of them, or it would not have been taken
                continue
            yield from (frame for frame in frames if isinstance(frame, AudioFrame))

    def replaces_setup(self, packet: "Packet[AudioStream]") -> bool:
        """Whether from here on the codec is to know something else; the copy can say only one thing."""
        if not packet.has_sidedata("new_extradata"):
            return False
        return clean(self.codec, bytes(packet.get_sidedata("new_extradata"))) != self.setup

    def _find_sound(self) -> AudioStream:
        tracks = self.container.streams
        pictures = [track for track in tracks.video if not track.disposition & Disposition.attached_pic]
        if pictures or len(tracks.audio) != 1:
            raise NoSound
        return tracks.audio[0]


class Listener:
    """Decodes packets one by one, adds up how long they sound, and notes how loud they are."""

    def __init__(self, longest_s: float) -> None:
        self.levels = Levels()
        self.seconds = 0.0
        self._longest_s = longest_s
        # A second at a time, since most of what this takes is taken for each piece.
        self._resampler = AudioResampler("s16", "mono", RATE_HZ, frame_size=RATE_HZ)
        self._packets = self._broken = 0

    def hear(self, packet: "Packet[AudioStream]") -> int | None:
        """How many samples are decoded from it; None where it cannot be. Raises TooLong."""
        self._packets += 1
        try:
            frames = packet.decode()
        except av.FFmpegError:
            self._broken += 1
            return None
        for frame in frames:
            self._note(frame)
        return sum(frame.samples for frame in frames)

    def finish(self) -> None:
        """Raises NoSound where there was nothing to hear, or too much of it was broken."""
        self._note_levels(None)
        if not self.seconds or self._broken > max(1, self._packets * BROKEN_AT_MOST):
            raise NoSound

    def _note(self, frame: AudioFrame) -> None:
        if frame.sample_rate not in RATES_HZ:
            raise NoSound
        self.seconds += frame.samples / frame.sample_rate
        if self.seconds > self._longest_s:
            raise TooLong
        self._note_levels(frame)

    def _note_levels(self, frame: AudioFrame | None) -> None:
        for resampled in self._resampler.resample(frame):
            samples = array("h")
            samples.frombytes(memoryview(resampled.planes[0])[: resampled.samples * samples.itemsize])
            self.levels.add(samples)


def listen(source: BinaryIO, kind: Kind, longest_s: float, target: BinaryIO) -> tuple[str, Listener]:
    """Decodes everything and copies it to `target`; the codec, and what was heard. Raises like Opened and Listener."""
    if not is_whole(source, kind):
        raise NoSound
    source.seek(0)
    opened = Opened(source, kind)
    listener, copy = Listener(longest_s), Copy(target, opened.stream, opened.setup, kind)
    ends = 0  # by the file's own time, in which there may be gaps
    for packet in opened.container.demux(opened.stream):
        # What cannot be decoded is no sound, and is not kept.
        samples = listener.hear(packet)
        if samples is None or not packet.size:
            continue
        if opened.replaces_setup(packet):
            raise NoSound
        copy.keep(packet, samples)
        ends = (packet.pts or 0) + (packet.duration or 0)
    listener.finish()
    copy.finish()
    longest_s = max(listener.seconds, float(ends * (opened.stream.time_base or 0)))
    if kind in TELLS_LENGTH and opened.declared_s > longest_s * MISSING_AT_MOST + 1:
        raise NoSound
    check_length(target, kind, listener.seconds)
    return opened.codec, listener
