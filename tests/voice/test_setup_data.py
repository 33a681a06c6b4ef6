"""What a codec is told before it begins is kept as far as it needs it, and what no recorder says is refused."""

import pytest

from parlour.voice.formats import NoSound
from parlour.voice.setup_data import clean

OPUS = b"OpusHead\x01\x01\x38\x01" + (48_000).to_bytes(4, "little") + b"\0\0\0"
SIX_CHANNELS = OPUS[:9] + b"\x06" + OPUS[10:18] + b"\x01\x04\x02\x00\x04\x01\x02\x03\x05"
AS_RECORDERS_SAY = {
    "aac, as phones record it": bytes.fromhex("1210"),
    "aac that says it is not doubled": bytes.fromhex("120856e500"),
    "aac of 24 kHz that is doubled to 48, as newer decoders read it": bytes.fromhex("2b118800"),
    "aac of 24 kHz that is doubled to 48, as older decoders can read it": bytes.fromhex("131056e598"),
}


def test_what_recorders_say_is_kept_as_it_is_and_what_stands_behind_is_not() -> None:
    for setup in (OPUS, SIX_CHANNELS):
        assert clean("opus", setup) == clean("opus", setup + b"<script>") == setup
    for what, setup in AS_RECORDERS_SAY.items():
        assert clean("aac", setup) == clean("aac", setup + b"<script>") == setup, what
    for codec in ("mp3", "pcm_s16le"):
        assert clean(codec, b"<script>") == b""


def test_what_could_be_told_apart_from_a_setup_by_nobody_is_not_kept_in_it() -> None:
    at_some_rate = OPUS[:12] + b"scri" + OPUS[16:]
    assert clean("opus", at_some_rate) == OPUS
    refused = (
        ("opus", b""),
        ("opus", OPUS[:-1]),
        ("opus", b"<script>" + OPUS[8:]),
        ("opus", OPUS[:9] + b"\x03" + OPUS[10:]),  # three channels, and nothing says which
        ("opus", SIX_CHANNELS[:-1]),
        ("opus", SIX_CHANNELS[:-4] + b"scri"),
        ("opus", OPUS[:9] + b"\xff" + OPUS[10:18] + b"\xff\xc8\0" + b"<script>".ljust(255)),
        ("aac", b""),
        ("aac", b"<script>"),
        ("aac", bytes.fromhex("1200")),  # a layout of its own follows
        ("aac", bytes.fromhex("1780000000")),  # a rate that is in no list
        ("opus", OPUS + bytes(512)),
    )
    for codec, setup in refused:
        with pytest.raises(NoSound):
            clean(codec, setup)
