"""Which user names there can be, and which of them look like one another."""

import re
import unicodedata

from parlour.accounts.lookalikes import lookalikes
from parlour.errors import Refusal

SHORTEST_NAME = 2  # code points
LONGEST_NAME = 32  # code points
# No composition turns more than four code points into one, so a longer text is too long whatever NFC makes of it,
# and need not be put in order first: that takes quadratic time in the marks of one letter.
LONGEST_RAW_NAME = 4 * LONGEST_NAME
MOST_MARKS = 2  # on one letter
SEPARATORS = "._-"
INVISIBLE_LETTERS = "\u115f\u1160\u3164\uffa0"  # Hangul fillers: letters without ink
INVISIBLE_MARKS = "\u034f\u17b4\u17b5\u180b\u180c\u180d\u180f"  # joiner, inherent vowels, Mongolian selectors
# Greek capitals that look like one ASCII letter while their small forms look like another, and symbols that NFKC
# turns into letters of another look. Among ASCII letters they can only be meant to be taken for these.
DISGUISES = str.maketrans("\u039d\u03a5\u03d2\u03f2\u03f9", "NYYcC")
# The dot above an i that has one already (İ in small letters), and the strokes that only make an Arabic or N'Ko word
# longer: they change nothing that one sees of a name.
INKLESS = re.compile("(?<=[ijıȷ])\u0307|[\u0640\u07fa]")
# Four rounds settle every name; the tests put each character of the table through them.
ROUNDS = 4


class BadUserName(Refusal):
    """A name that nobody can have."""

    sentence = "This user name cannot be used."
    field = "username"


class NameTooShort(BadUserName):
    """Fewer than `SHORTEST_NAME` code points."""

    sentence = "A user name has at least 2 characters."


class NameTooLong(BadUserName):
    """More than `LONGEST_NAME` code points."""

    sentence = "A user name has at most 32 characters."


class NameWithOddCharacter(BadUserName):
    """Something in it is neither a letter nor a digit nor a separator, or cannot be seen."""

    sentence = "A user name is made of letters and digits, with . _ or - between them."


class NameWithLooseSeparator(BadUserName):
    """A separator stands at an end or beside another one."""

    sentence = "In a user name each . _ or - stands alone between two letters or digits."


class NameWithTooManyMarks(BadUserName):
    """More than `MOST_MARKS` marks on one letter."""

    sentence = "In a user name a letter has at most 2 marks."


def parse_name(raw: str) -> str:
    """The name in NFC without the blanks around it; raises a `BadUserName` that says what is wrong with it."""
    raw = raw.strip()
    if len(raw) > LONGEST_RAW_NAME:
        raise NameTooLong
    name = unicodedata.normalize("NFC", raw)
    if len(name) > LONGEST_NAME:
        raise NameTooLong
    if len(name) < SHORTEST_NAME:
        raise NameTooShort
    for before, character in zip(" " + name, name, strict=False):
        _check_character(character, before)
    if name[-1] in SEPARATORS:
        raise NameWithLooseSeparator
    if _most_marks(name) > MOST_MARKS:
        raise NameWithTooManyMarks
    return name


def same_name(a: str, b: str) -> bool:
    """Do two names differ in case and width at most? That is how people type their own name at sign-in."""
    return _fold(a) == _fold(b)


def skeleton(name: str) -> str:
    """What a parsed name looks like: two names with one skeleton could be taken for each other.

    After UTS #39, but blind to case and width, except for the few `DISGUISES`.
    """
    looks = lookalikes()
    mixes_in_ascii = any(character.isascii() and character.isalpha() for character in name)
    shape = INKLESS.sub("", _fold(name.translate(DISGUISES) if mixes_in_ascii else name))
    for _ in range(ROUNDS):
        characters = unicodedata.normalize("NFD", shape)
        shape = _fold("".join(looks.get(character, character) for character in characters))
    return shape


def _fold(text: str) -> str:
    """NFKC and case folding, twice, since each can undo a little of the other."""
    for _ in range(2):
        text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return text


def _check_character(character: str, before: str) -> None:
    if character in SEPARATORS:
        if before in SEPARATORS or before.isspace():
            raise NameWithLooseSeparator
    elif _is_mark(character):
        if not (_is_letter(before) or _is_mark(before)):
            raise NameWithOddCharacter
    elif not _is_letter(character) and unicodedata.category(character) != "Nd":
        raise NameWithOddCharacter


def _is_letter(character: str) -> bool:
    return unicodedata.category(character).startswith("L") and character not in INVISIBLE_LETTERS


def _is_mark(character: str) -> bool:
    if character in INVISIBLE_MARKS or "\ufe00" <= character <= "\ufe0f" or character >= "\U000e0000":
        return False
    return unicodedata.category(character) in ("Mn", "Mc")


def _most_marks(name: str) -> int:
    """How many marks the most adorned letter has, with those that NFC makes a part of it."""
    most = marks = 0
    for character in unicodedata.normalize("NFD", name):
        marks = marks + 1 if _is_mark(character) else 0
        most = max(most, marks)
    return most
