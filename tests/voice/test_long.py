"""However long a recording may be, a machine has time to listen to it, also one that is slow."""

import io
import tempfile
import time
from fractions import Fraction

import av
from av.packet import Packet

from parlour.voice.formats import Kind
from parlour.voice.listening import listen
from parlour.voice.rendition import make_rendition
from parlour.voice.workshop import LISTENING, RENDERING
from voice.voices import WEBM

MINUTES = 2
SLOWER = 2  # at least so much slower may a machine be, whose time for what is read is not even counted


def test_there_is_time_for_each_second_that_a_recording_is_long_also_on_a_slow_machine() -> None:
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as target:
        source.write(speech())
        begun = time.process_time()
        _, heard = listen(source, Kind.WEBM, 3_600, target)
        heard_at = time.process_time()
        source.seek(0)
        make_rendition(source, Kind.WEBM, target)
        rendered_at = time.process_time()
    assert round(heard.seconds) == MINUTES * 60
    for sort, used_s in ((LISTENING, heard_at - begun), (RENDERING, rendered_at - heard_at)):
        more_s = sort.cpu_limit_s(3_600) - sort.cpu_limit_s(3_600 - heard.seconds)
        assert used_s * SLOWER < more_s, f"{sort.what}: {used_s} s of {more_s}"


def speech() -> bytes:
    """The same sentence again and again."""
    target = io.BytesIO()
    with av.open(target, "w", format="webm") as copy, av.open(io.BytesIO(WEBM.content), "r") as source:
        said = [bytes(packet) for packet in source.demux(audio=0) if packet.size]
        track = copy.add_stream_from_template(source.streams.audio[0])
        for place in range(MINUTES * 1_000):
            packet = Packet(said[place % len(said)])
            packet.pts = packet.dts = place * 60
            packet.time_base, packet.duration, packet.stream = Fraction(1, 1_000), 60, track
            copy.mux(packet)
    return target.getvalue()
