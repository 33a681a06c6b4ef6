"""Finds the bare http, https and mailto addresses in a text whose looks tell where they lead."""

import ipaddress
import re
import unicodedata
from typing import NamedTuple

SCHEME = re.compile(r"(?<![A-Za-z0-9])(?:https?|mailto)$", re.IGNORECASE)
LONGEST_SCHEME = len("mailto")
# What may stand where the host stands; wide, so that anything odd in it is seen and makes the whole no link.
HOST = r"([^\s/?#\\<>\"`，。、；：！？（）「」『』【】《》“”‘’]{1,300})"
AUTHORITY = re.compile("//" + HOST)
MAILBOX = re.compile(r"[A-Za-z0-9._+-]{1,64}@" + HOST)
PATH = re.compile(r"[/?#][^\s<>\"`]*")
PATH_STARTS = ("/", "?", "#")
PORT = re.compile(r":([0-9]{1,5})$")
HIGHEST_PORT = 65_535
LABEL = re.compile(r"[^.]{1,63}")

TRAILING = ".,;:!?'*_~…"  # ends the sentence or the emphasis rather than the address
CLOSERS = {")": "(", "]": "[", "}": "{"}
JOINERS = "\u200c\u200d"  # part of words in Persian and Indic scripts, and so of their addresses
OVERRIDES = ("\u202d", "\u202e")  # turn the letters that follow round, links included


class Link(NamedTuple):
    """The place of an address in a text: `text[start:end]`."""

    start: int
    end: int


def find_link(text: str, colon: int) -> Link | None:
    """The address whose scheme ends at `text[colon]`, if that is a colon and there is one.

    Looks at each character a bounded number of times, however many colons a text has.
    """
    if text[colon] != ":":
        return None
    scheme = SCHEME.search(text[max(0, colon - LONGEST_SCHEME - 1) : colon])
    if scheme is None or any(override in text for override in OVERRIDES):
        return None
    start = colon - len(scheme[0])
    is_mail = scheme[0].lower() == "mailto"
    found = (MAILBOX if is_mail else AUTHORITY).match(text, colon + 1)
    if found is None:
        return None
    has_path = not is_mail and text[found.end() : found.end() + 1] in PATH_STARTS
    authority = found[1] if has_path else found[1][: _end_of_sentence(found[1])]
    if not _is_honest(authority if is_mail else _without_port(authority)):
        return None
    path = PATH.match(text, found.end()) if has_path else None  # only now: it may reach to the text's end
    if path is None:
        return Link(start, found.start(1) + len(authority))
    return Link(start, path.start() + _end_of_sentence(path[0][: _end_of_visible(path[0])]))


def _end_of_visible(path: str) -> int:
    """Where the first control, invisible or unpaired character stands, or the end."""
    for place, character in enumerate(path):
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") and character not in JOINERS:
            return place
    return len(path)


def _end_of_sentence(address: str) -> int:
    """Where an address ends once the punctuation of the sentence around it is left out."""
    spare = {closer: address.count(closer) - address.count(opener) for closer, opener in CLOSERS.items()}
    end = len(address)
    while end > 0:
        last = address[end - 1]
        if last in CLOSERS and spare[last] > 0:
            spare[last] -= 1
        elif last not in TRAILING:
            break
        end -= 1
    return end


def _without_port(authority: str) -> str:
    port = PORT.search(authority)
    return authority[: port.start()] if port and int(port[1]) <= HIGHEST_PORT else authority


def _is_honest(host: str) -> bool:
    """Does the host read as what it is? No user before it, no sign like a slash, no mixed alphabets."""
    labels = unicodedata.normalize("NFC", host).split(".")
    if labels[-1].isdecimal() or labels[-1].lower().startswith("0x"):
        return _is_ip_address(host)
    return all(LABEL.fullmatch(label) and _is_honest_label(label) for label in labels)


def _is_ip_address(host: str) -> bool:
    try:
        return str(ipaddress.IPv4Address(host)) == host
    except ValueError:
        return False


def _is_honest_label(label: str) -> bool:
    alphabets = set()
    after_ascii = True
    for character in label:
        category = unicodedata.category(character)
        if category.startswith("L"):
            alphabets.add(unicodedata.name(character, "").startswith("LATIN "))
        elif category in ("Mn", "Mc"):  # a stroke laid over an ASCII letter can pass for a slash
            if after_ascii:
                return False
        elif character not in "-_" and category != "Nd":
            return False
        after_ascii = character.isascii()
    return len(alphabets) < 2 and not label.startswith("-")
