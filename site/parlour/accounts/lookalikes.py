"""The Unicode table of look-alike characters, turned into one that is blind to case."""

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

TABLE = ("confusable_homoglyphs", "confusables.json")
LEFT_TO_RIGHT_MARK = "\u200e"  # stands round right-to-left characters in the table, for those who read it

Group = set[str]  # characters, and at most one sequence of several, that look the same


@cache
def lookalikes() -> Mapping[str, str]:
    """For each folded character that looks like others: what stands for all of them.

    Case makes look-alikes of characters that the table keeps apart: В looks like B, so в must stand for b.
    Followed without end that would make one of c, o and 6. So ASCII letters and digits are fixed, and each other
    group goes with the one of them that its own characters lead to, by their looks first and then by their case.
    Read at the first call, which takes a tenth of a second; only signing up needs it.
    """
    groups = _read_groups()
    group_of = {character: group for group in groups for character in group}
    fixed = _fix_ascii(group_of)
    claims: dict[str, list[tuple[bool, bool, str]]] = {}
    for group in groups:
        target = _choose_target(group, group_of, fixed)
        if " " in target:  # a mark as it stands alone; in a name none does
            continue
        for character in group:
            folded = _fold(character)
            if len(character) == len(folded) == 1:
                claim = (not target.isascii(), character != folded, target)
                claims.setdefault(folded, []).append(claim)
    return MappingProxyType({folded: min(found)[-1] for folded, found in claims.items()} | fixed)


def _read_groups() -> list[Group]:
    """What looks the same, together; the table holds each pair in both directions."""
    package, name = TABLE
    table: dict[str, list[dict[str, str]]] = json.loads(files(package).joinpath(name).read_text("utf-8"))
    group_of: dict[str, Group] = {}
    for one, twins in table.items():
        for twin in twins:
            _join(group_of, one.strip(LEFT_TO_RIGHT_MARK), twin["c"].strip(LEFT_TO_RIGHT_MARK))
    return list({id(group): group for group in group_of.values()}.values())


def _join(group_of: dict[str, Group], one: str, other: str) -> None:
    small, large = sorted((group_of.get(one, {one}), group_of.get(other, {other})), key=len)
    if small is not large:
        large |= small
    for character in small | {one, other}:
        group_of[character] = large


def _fix_ascii(group_of: Mapping[str, Group]) -> dict[str, str]:
    """Where the ASCII letters and digits go: to themselves, but for 1 and i to l, 0 to o, and m to rn."""
    fixed = {}
    for letter in "abcdefghijklmnopqrstuvwxyz0123456789":
        looks = [letter, letter.upper(), *group_of.get(letter, ()), *group_of.get(letter.upper(), ())]
        ascii_looks = [look.lower() for look in looks if look.isascii() and look.isalnum()]
        fixed[letter] = max(ascii_looks, key=lambda look: (len(look), look))
    return fixed


def _choose_target(group: Group, group_of: Mapping[str, Group], fixed: Mapping[str, str]) -> str:
    sequence = next((look for look in group if len(look) > 1), None)
    if sequence is not None:
        return sequence  # the characters of a sequence stand for themselves, so the others have to follow it
    by_looks = _ascii_targets(group, fixed)
    if by_looks:
        return by_looks[0]
    by_case = Counter(
        target
        for character in sorted(group)
        for other in sorted({character.upper(), character.lower()} - {character})
        for target in _ascii_targets(group_of.get(other, {other}), fixed)[:1]
    )
    return by_case.most_common(1)[0][0] if by_case else _fold(min(group))


def _ascii_targets(group: Iterable[str], fixed: Mapping[str, str]) -> list[str]:
    return sorted(fixed[look.lower()] for look in group if len(look) == 1 and look.lower() in fixed)


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
