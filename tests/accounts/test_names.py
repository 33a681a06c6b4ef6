"""People choose names that others can read, and nobody can take a name that looks like somebody else's."""

import itertools
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlour.accounts.lookalikes import lookalikes
from parlour.accounts.names import (
    BadUserName,
    NameTooLong,
    NameTooShort,
    NameWithLooseSeparator,
    NameWithOddCharacter,
    NameWithTooManyMarks,
    parse_name,
    same_name,
    skeleton,
)

GOOD_NAMES = [
    "Ada", "Bo", "cy", "ada.lovelace", "a-b_c.d", "42", "x1", "a" * 32, "𝒶" * 32, "José", "Zoë", "Søren", "Nguyễn",
    "Νίκος", "Юлия", "שרה", "أحمد", "علی", "小明", "さくら", "サクラ", "김민준", "राम", "தமிழ்", "ไทย", "١٢",
    "bo\u0303\u0304",
]  # fmt: skip

REFUSED_NAMES = {
    NameTooShort: ["", "a", " a ", "e\u0301", "\t\n"],
    NameTooLong: ["a" * 33, "a" * 100_000, "a" + "\u0301\u0327" * 100_000],
    NameWithLooseSeparator: [
        ".ada", "ada.", "_ada", "ada_", "-ada", "ada-",
        "a..b", "a__b", "a--b", "a._b", "..", "-a-",
    ],
    NameWithTooManyMarks: ["a\u0301\u0302\u0303", "e" + "\u0301" * 8, "b\u0316\u0317\u0318c"],
    NameWithOddCharacter: [
        "a b", "a\tb", "a\nb", "a\0b", "a\x7fb", "a\x85b", "a\u00a0b", "a\u3000b",  # blanks and controls
        "a\u200bb", "a\u200cb", "a\u200db", "a\u2060b", "a\ufeffb", "a\u00adb", "a\u034fb", "a\ufe0fb",  # invisible
        "a\u115fb", "a\u1160b", "a\u3164b", "a\uffa0b", "a\u2800b", "a\U000e0041b", "a\U000e0100b", "a\u180bb",
        "a\u200eb", "a\u200fb", "a\u061cb", "a\u202ab", "a\u202eb", "a\u2066b", "a\u2069b",  # bidi
        "a@b", "a/b", "a\\b", "a<b", "a&b", 'a"b', "a'b", "a:b", "a+b", "a#b", "a%b", "a,b", "a~b",
        "ada😀", "ada\U000f0000", "ada\ud800", "a½", "Ⅷa", "a²", "ab\u20dd", "\u0301ab", "a.\u0301b", "1\u0301a",
        "a‐b", "a–b", "a．b", "a＿b",
    ],
}  # fmt: skip

LOOK_ALIKES = [
    ("Ada", "ada"), ("Ada", "ADA"), ("Ada", "Ａｄａ"), ("Ada", "𝐀𝐝𝐚"), ("Ada", "Аda"), ("Ada", "Αda"), ("ada", "аdа"),
    ("admin", "аdmin"), ("Bo", "Вo"), ("Bo", "Bо"), ("Bo", "Во"), ("Bo", "B0"), ("Bo", "Βο"), ("cy", "су"),
    ("Cy", "Ϲy"),
    ("Helen", "Нelen"), ("Helen", "Ηelen"), ("Tom", "Тоm"), ("Kate", "Кate"), ("Max", "Мах"), ("Eve", "Еvе"),
    ("Zoe", "Ζoe"), ("Peter", "Ρeter"), ("Xenia", "Χenia"), ("Nikos", "Νikos"), ("Yuri", "Υuri"), ("kevin", "keνin"),
    ("Sam", "Ѕаm"), ("jo", "ϳо"), ("Ian", "lan"), ("Ian", "1an"), ("Ian", "ıan"), ("Bill", "bi11"), ("Mary", "rnary"),
    ("paypal", "pаypаl"), ("Ada", "ᴀda"), ("Ada", "Ꭺda"), ("ada", "ɑda"), ("straße", "STRASSE"), ("Νίκος", "ΝΊΚΟΣ"),
    ("Zoë", "Zoe\u0308"), ("x１", "x1"), ("aﬁ", "afi"),
    ("İan", "ian"), ("ı\u0307an", "ian"), ("محمد", "محـمد"),
]  # fmt: skip

DIFFERENT = [
    ("Ada", "Ida"), ("ada", "adá"), ("van", "nan"), ("cat", "oat"), ("uri", "yri"), ("tara", "zara"),
    ("user5", "users"),
    ("user3", "usere"), ("user6", "userc"), ("a.b", "a-b"), ("ab", "a.b"), ("小明", "小朋"), ("Юлия", "Юлий"),
    ("5er", "ser"), ("kit", "kid"), ("ben", "bea"), ("user2", "user7"), ("user8", "user9"),
]  # fmt: skip

LETTERS = st.characters(categories=["L", "Mn", "Mc", "Nd"])
NAMES = st.text(st.one_of(st.sampled_from("abimMnNoO01lI._-аАвВνΝυΥСϲß"), LETTERS), min_size=1, max_size=32)
DISGUISES = set("ΝΥϒϲϹ")


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_people_of_every_script_get_their_name(name: str) -> None:
    assert parse_name(f" {name}\n") == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(("why", "raw"), [(why, raw) for why, raws in REFUSED_NAMES.items() for raw in raws])
def test_a_name_that_others_cannot_read_is_refused_with_its_own_sentence(why: type[BadUserName], raw: str) -> None:
    with pytest.raises(BadUserName) as refused:
        parse_name(raw)
    assert type(refused.value) is why
    assert why.sentence not in {other.sentence for other in {BadUserName, *REFUSED_NAMES} - {why}}


def test_a_name_of_a_hundred_thousand_marks_is_refused_at_once() -> None:
    start = time.process_time()
    with pytest.raises(NameTooLong):
        parse_name("a" + "\u0327\u0301" * 100_000)
    assert time.process_time() - start < 0.5


@given(st.text(max_size=40))
def test_whatever_is_typed_a_name_is_plain_or_refused(raw: str) -> None:
    try:
        name = parse_name(raw)
    except BadUserName:
        return
    assert 2 <= len(name) <= 32
    assert parse_name(name) == name
    assert name[0] not in "._-"
    assert name[-1] not in "._-"
    assert {unicodedata.category(character)[0] for character in name if character not in "._-"} <= set("LNM")


@pytest.mark.parametrize(("name", "twin"), LOOK_ALIKES)
def test_a_look_alike_of_a_name_is_its_twin(name: str, twin: str) -> None:
    assert skeleton(parse_name(name)) == skeleton(parse_name(twin))


@pytest.mark.parametrize(("name", "other"), DIFFERENT)
def test_names_that_do_not_look_alike_can_both_be_had(name: str, other: str) -> None:
    assert skeleton(parse_name(name)) != skeleton(parse_name(other))


def test_names_of_plain_syllables_never_look_like_one_another() -> None:
    syllables = ["".join(pair) for pair in itertools.product("bdfgkmprst", "aeu")]
    names = ["".join(parts) for parts in itertools.product(syllables, repeat=3)]
    assert len({skeleton(name) for name in names}) == len(names)


def test_small_ascii_letters_and_digits_look_like_one_another_only_where_the_table_says_so() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    assert {letter: skeleton(letter) for letter in letters if skeleton(letter) != letter} == {
        "i": "l",
        "1": "l",
        "0": "o",
        "m": "rn",
    }


def test_every_character_of_the_table_settles() -> None:
    restless = [look for look in lookalikes() if skeleton(skeleton(look)) != skeleton(look)]
    assert len(lookalikes()) > 4_000
    assert not restless


@settings(deadline=None)
@given(NAMES)
def test_the_skeleton_of_a_skeleton_is_itself(name: str) -> None:
    assert skeleton(skeleton(name)) == skeleton(name)


@settings(deadline=None)
@given(NAMES.filter(lambda name: not DISGUISES & set(name)))
def test_names_that_differ_in_case_alone_have_one_skeleton(name: str) -> None:
    for same in (name.upper(), name.lower(), name.casefold(), unicodedata.normalize("NFKC", name)):
        if same_name(same, name) and not DISGUISES & set(same):
            assert skeleton(same) == skeleton(name)


@pytest.mark.parametrize("typed", ["Ada", "ada", "ADA", "Ａｄａ"])
def test_people_sign_in_whatever_the_case_and_width_they_type(typed: str) -> None:
    assert same_name("Ada", typed)


@pytest.mark.parametrize("typed", ["Аda", "Adа", "4da", "Ad", "Áda"])
def test_nobody_signs_in_by_a_name_that_only_looks_the_same(typed: str) -> None:
    assert not same_name("Ada", typed)
