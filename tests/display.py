"""A display that nobody sees, and what stands on it."""

import re
import struct
from typing import NamedTuple

from processes import Server

PIXEL_BYTES = 4
# The head of the file in which Xvfb keeps what it shows, X11/XWDFile.h: big-endian words, of which these are ours.
WORDS, HEAD_BYTES, LINE_BYTES, COLOURS = 25, 0, 12, 19
COLOUR_BYTES = 12


class Place(NamedTuple):
    """A rectangle of the display, in its pixels."""

    left: float
    top: float
    width: float
    height: float


class Display(Server):
    """For a browser that has no way to be without one."""

    def start(self) -> None:
        self.spawn(["Xvfb", "-displayfd", "1", "-nolisten", "tcp", "-fbdir", self.folder], lambda: bool(self.number))

    @property
    def number(self) -> str:
        """What it calls itself, once it is there; before that it may say of others that they are."""
        found = re.search(r"^(\d+)\n", self.log.read_text(), re.MULTILINE)
        return found[1] if found else ""

    def colours(self, place: Place) -> set[bytes]:
        """All that are there at this moment."""
        shown = (self.folder / "Xvfb_screen0").read_bytes()
        head = struct.unpack_from(f">{WORDS}I", shown)
        start = head[HEAD_BYTES] + head[COLOURS] * COLOUR_BYTES
        found: set[bytes] = set()
        for row in range(round(place.top), round(place.top + place.height)):
            first = start + row * head[LINE_BYTES] + round(place.left) * PIXEL_BYTES
            line = shown[first : first + round(place.width) * PIXEL_BYTES]
            found |= {line[at : at + PIXEL_BYTES] for at in range(0, len(line), PIXEL_BYTES)}
        return found
