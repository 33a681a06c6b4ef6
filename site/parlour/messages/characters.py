"""What of a text can be seen, and where a line of it may be cut."""

import unicodedata

INVISIBLE_CATEGORIES = {"Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Mn", "Me"}
INVISIBLE_LETTERS = "\u115f\u1160\u2800\u3164\uffa0"  # fillers and the empty Braille cell: no ink
ZERO_WIDTH_JOINER = "\u200d"


def is_visible(text: str) -> bool:
    """Is there at least one character that leaves ink? A mark with nothing below it does not count."""
    return any(
        unicodedata.category(character) not in INVISIBLE_CATEGORIES and character not in INVISIBLE_LETTERS
        for character in text
    )


def cut_before(line: str, end: int) -> int:
    """The last place up to `end` that tears no character from its marks; `end` where there is none."""
    cut = end
    while cut > 0 and _belongs_to_what_stands_before(line, cut):
        cut -= 1
    return cut or end


def _belongs_to_what_stands_before(line: str, place: int) -> bool:
    character = line[place]
    if ZERO_WIDTH_JOINER in (line[place - 1], character):
        return True
    if unicodedata.category(character).startswith("M") or _is_skin_tone(character):
        return True
    return _is_half_of_a_flag(character) and _halves_before(line, place) % 2 == 1


def _halves_before(line: str, place: int) -> int:
    start = place
    while start > 0 and _is_half_of_a_flag(line[start - 1]):
        start -= 1
    return place - start


def _is_skin_tone(character: str) -> bool:
    return "\U0001f3fb" <= character <= "\U0001f3ff"


def _is_half_of_a_flag(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"
