"""Makes a recording that older Safari plays too: AAC in m4a. Runs in a process of its own."""

from fractions import Fraction
from typing import BinaryIO

import av
from av.audio.resampler import AudioResampler

from parlour.voice.formats import FORMATS, Kind, NoSound
from parlour.voice.listening import Opened

BITS_PER_S = 64_000  # a channel; speech has no use for more
RATE_HZ = 48_000
ENCODE = {"aac_coder": "fast"}  # takes a third of the time, and speech does not show it


def make_rendition(source: BinaryIO, kind: Kind, target: BinaryIO) -> None:
    """Writes the recording once more. Raises NoSound, and av's FFmpegError."""
    opened = Opened(source, kind)
    channels = min(2, opened.stream.codec_context.channels)
    layout = "stereo" if channels == 2 else "mono"
    container = av.open(target, "w", format=FORMATS[Kind.M4A].muxer, options={"fflags": "+bitexact"})
    stream = container.add_stream("aac", rate=RATE_HZ, layout=layout, options=ENCODE)
    stream.bit_rate = BITS_PER_S * channels
    stream.codec_context.thread_count = 1
    resampler = AudioResampler("fltp", layout, RATE_HZ, frame_size=stream.codec_context.frame_size or 1024)
    written = 0
    for frame in opened.frames():
        for resampled in resampler.resample(frame):
            resampled.pts, resampled.time_base = written, Fraction(1, RATE_HZ)  # the time of what was decoded, no gaps
            written += resampled.samples
            container.mux(stream.encode(resampled))
    if not written:
        raise NoSound
    container.mux(stream.encode(None))
    container.close()
