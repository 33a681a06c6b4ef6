"""How loud a recording is along its length, in a few bars that a page can draw."""

from collections.abc import Sequence

BARS = 64
LOUDEST = 31  # of a bar; the quietest is 0
RATE_HZ = 8_000  # is enough to see a voice
BLOCK_SAMPLES = 160
FULL_SCALE = 32_768
FAINTEST = 0.02  # of the loudest: a bar below this is quiet


class Levels:
    """Collects the loudest sample of each short block; so hours take no more memory than minutes."""

    def __init__(self) -> None:
        self._blocks: list[int] = []

    def add(self, samples: Sequence[int]) -> None:
        """Signed 16-bit samples at RATE_HZ, in order."""
        for start in range(0, len(samples), BLOCK_SAMPLES):
            block = samples[start : start + BLOCK_SAMPLES]
            self._blocks.append(max(abs(max(block)), abs(min(block))))

    def bars(self) -> bytes:
        """BARS heights from 0 to LOUDEST; the loudest is at the top whatever the microphone."""
        count = len(self._blocks)
        if not count:
            return bytes(BARS)
        heights = [max(self._blocks[bar * count // BARS : (bar + 1) * count // BARS + 1]) for bar in range(BARS)]
        top = max(*heights, FULL_SCALE * FAINTEST)
        return bytes(min(LOUDEST, round(LOUDEST * height / top)) for height in heights)
