"""Reads a recording to its end, in a process of its own: how long it really is, its waveform, and its packets anew.

A header may say anything, so nothing that it says is believed: the length is what was decoded.
"""

from array import array
from collections.abc import Iterator
from fractions import Fraction
from typing import BinaryIO

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.packet import Packet
from av.stream import Disposition

from parlour.voice.formats import FORMATS, Kind, NoSound
from parlour.voice.setup_data import clean
from parlour.voice.waveform import RATE_HZ, Levels
from parlour.voice.wholeness import is_whole

TRACKS_AT_MOST = 8  # of whatever sort; no recorder writes more
BROKEN_AT_MOST = 0.02  # of the packets: a click is no reason to refuse what somebody said
GAP_S = 0.1  # time that passed without sound, as some recorders leave it where they were paused
TELLS_LENGTH = (Kind.WEBM, Kind.OGG, Kind.M4A, Kind.WAV)  # in mp3 it is mostly a guess
MISSING_AT_MOST = 1.05  # how much longer a whole file may say that it is
RATES_HZ = range(4_000, 192_001)  # below is no speech, and above no recorder
DECODED_AS = {"mp3float": "mp3"}

OPEN = {
    "protocol_whitelist": "none",  # what is handed over is all there is
    "max_streams": str(TRACKS_AT_MOST),
}


WRITE = {
    "fflags": "+bitexact",  # neither the time nor the program
    "id3v2_version": "0",  # no tags
    "cluster_time_limit": "1000",  # ms; a webm can be entered at each second
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
    """Decodes packets one by one, counts their samples, and notes how loud they are."""

    def __init__(self, longest_s: float) -> None:
        self.levels = Levels()
        self.seconds = Fraction(0)
        self._longest_s = longest_s
        self._resampler = AudioResampler("s16", "mono", RATE_HZ)
        self._packets = self._broken = 0

    def hear(self, packet: "Packet[AudioStream]") -> bool:
        """Whether it can be decoded. Raises TooLong."""
        self._packets += 1
        try:
            frames = packet.decode()
        except av.FFmpegError:
            self._broken += 1
            return False
        for frame in frames:
            self._note(frame)
        return True

    def finish(self) -> None:
        """Raises NoSound where there was nothing to hear, or too much of it was broken."""
        self._note_levels(None)
        if not self.seconds or self._broken > max(1, self._packets * BROKEN_AT_MOST):
            raise NoSound

    def _note(self, frame: AudioFrame) -> None:
        if frame.sample_rate not in RATES_HZ:
            raise NoSound
        self.seconds += Fraction(frame.samples, frame.sample_rate)
        if self.seconds > self._longest_s:
            raise TooLong
        self._note_levels(frame)

    def _note_levels(self, frame: AudioFrame | None) -> None:
        for resampled in self._resampler.resample(frame):
            samples = array("h", bytes(resampled.planes[0])[: resampled.samples * 2])
            self.levels.add(samples)


class Copy:
    """The same packets in a new file: with its length, an index, and nothing else that the old one had."""

    def __init__(self, target: BinaryIO, opened: Opened, kind: Kind) -> None:
        self._container = av.open(target, "w", format=FORMATS[kind].muxer, options=WRITE)
        self._stream = self._container.add_stream_from_template(opened.stream)
        self._stream.metadata.clear()
        self._stream.codec_context.extradata = opened.setup or None
        self._expected: int | None = None
        self._shift = 0
        self.left_out_s = 0.0  # of the time in which nothing was said

    def keep(self, packet: "Packet[AudioStream]") -> None:
        """The next packet, in a time without gaps."""
        if packet.pts is None or packet.time_base is None:
            raise NoSound
        gap = 0 if self._expected is None else packet.pts - self._expected
        if gap * packet.time_base > GAP_S:
            self._shift += gap
            self.left_out_s += float(gap * packet.time_base)
        self._expected = packet.pts + (packet.duration or 0)
        # A new one has nothing with it: neither a setup for the codec, nor what a block of a webm may hold besides.
        copy = Packet(bytes(packet))
        if packet.has_sidedata("skip_samples"):
            copy.set_sidedata(packet.get_sidedata("skip_samples"))
        copy.is_keyframe = True
        copy.time_base, copy.duration = packet.time_base, packet.duration
        copy.pts = copy.dts = packet.pts - self._shift
        copy.stream = self._stream
        self._container.mux(copy)

    def finish(self) -> None:
        self._container.close()


def listen(source: BinaryIO, kind: Kind, longest_s: float, target: BinaryIO) -> tuple[str, Listener]:
    """Decodes everything and copies it to `target`; the codec, and what was heard. Raises like Opened and Listener."""
    if not is_whole(source, kind):
        raise NoSound
    source.seek(0)
    opened = Opened(source, kind)
    listener, copy = Listener(longest_s), Copy(target, opened, kind)
    for packet in opened.container.demux(opened.stream):
        # What cannot be decoded is no sound, and is not kept.
        if listener.hear(packet) and packet.size:
            if opened.replaces_setup(packet):
                raise NoSound
            copy.keep(packet)
    listener.finish()
    copy.finish()
    if kind in TELLS_LENGTH and opened.declared_s > (float(listener.seconds) + copy.left_out_s) * MISSING_AT_MOST + 1:
        raise NoSound
    return opened.codec, listener
