"""What a codec must know before it can begin, written anew from its values; whatever stood behind these is left out."""

from collections.abc import Callable

from parlour.voice.bits import Bits
from parlour.voice.formats import NoSound

BYTES_AT_MOST = 512  # no codec needs more to begin; Vorbis, whose setup is long, is judged by its decoder alone

OPUS_RATE_HZ = 48_000
OPUS_HEAD_BYTES = 19  # without a table of channels
OPUS_CHANNELS_AT_MOST = 8
OPUS_FAMILIES = (1, 2, 255)  # of tables: which channel is which
OPUS_SILENT = 255  # in the table: a channel in which nothing is

AAC_RATES_HZ = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)
AAC_PLAIN = 2  # "low complexity", which every recorder writes and every browser plays
AAC_DOUBLED, AAC_DOUBLED_STEREO = 5, 29  # "high efficiency": half the rate, and half the channels, are made up
AAC_LAYOUTS = range(1, 8)  # 0 would bring a layout of its own, with room for a remark
AAC_SIGNALS_DOUBLED, AAC_SIGNALS_STEREO = 0x2B7, 0x548  # what may follow, for decoders that know of it


def clean(codec: str, setup: bytes) -> bytes:
    """The same setup without anything that the codec does not need. Raises NoSound."""
    if codec == "vorbis":
        return setup
    if len(setup) > BYTES_AT_MOST:
        raise NoSound
    return CLEAN[codec](setup) if codec in CLEAN else b""


def _clean_opus(setup: bytes) -> bytes:
    """RFC 7845, section 5.1."""
    if len(setup) < OPUS_HEAD_BYTES or not setup.startswith(b"OpusHead") or setup[8] >> 4:
        raise NoSound
    # The rate is that of the microphone, which nobody asks for; as it came it would be four free bytes.
    rate = OPUS_RATE_HZ.to_bytes(4, "little")
    return b"OpusHead\x01" + setup[9:12] + rate + setup[16:OPUS_HEAD_BYTES] + _opus_table(setup)


def _opus_table(setup: bytes) -> bytes:
    """Which channel is which, where there are more than two."""
    channels, family = setup[9], setup[18]
    table = setup[OPUS_HEAD_BYTES : OPUS_HEAD_BYTES + 2 + channels]
    if not family and channels in (1, 2):
        return b""
    if family not in OPUS_FAMILIES or channels > OPUS_CHANNELS_AT_MOST or len(table) != 2 + channels:
        raise NoSound
    streams, coupled, *places = table
    known = range(streams + coupled)
    if (
        coupled > streams
        or len(known) > channels
        or any(place not in known and place != OPUS_SILENT for place in places)
    ):
        raise NoSound
    return table


def _clean_aac(setup: bytes) -> bytes:
    """ISO/IEC 14496-3, AudioSpecificConfig."""
    try:
        return _rewrite_aac(Bits(setup))
    except EOFError as error:
        raise NoSound from error


def _rewrite_aac(bits: Bits) -> bytes:
    sort = bits.read(5)
    _read_rate(bits)
    if bits.read(4) not in AAC_LAYOUTS:
        raise NoSound
    if sort in (AAC_DOUBLED, AAC_DOUBLED_STEREO):
        _read_rate(bits)
        sort = bits.read(5)
    # The flags: a frame may have 960 samples; the others belong to sorts that are not taken.
    _, depends, extended = bits.read(1), bits.read(1), bits.read(1)
    if sort != AAC_PLAIN or depends or extended:
        raise NoSound
    plain = bits.place
    if bits.try_read(11) != AAC_SIGNALS_DOUBLED or bits.try_read(5) != AAC_DOUBLED:
        return bits.written(plain)
    if bits.try_read(1):
        _read_rate(bits)
        doubled = bits.place
        if bits.try_read(11) != AAC_SIGNALS_STEREO or bits.try_read(1) is None:
            return bits.written(doubled)
    return bits.written(bits.place)


def _read_rate(bits: Bits) -> None:
    """By its number in the list; one that is written out would be three free bytes."""
    if bits.read(4) >= len(AAC_RATES_HZ):
        raise NoSound


CLEAN: dict[str, Callable[[bytes], bytes]] = {"opus": _clean_opus, "aac": _clean_aac}
