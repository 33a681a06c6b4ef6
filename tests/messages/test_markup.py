"""What people type becomes the few marks that a message may use, and everything else stays as they typed it."""

import time
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus import LINKS, NO_LINKS, SCRIPT_PAYLOADS, URL_PAYLOADS
from parlour.messages import markup
from parlour.messages.characters import is_visible
from parlour.messages.markup import EmptyText, TextTooLong, TextWithNul, normalise, preview, render

TAGS = {"p", "br", "a", "code", "pre", "strong", "em", "blockquote"}
ATTRIBUTES = {"a": {"href", "rel"}, "pre": {"tabindex"}}
REL = "noopener nofollow ugc"
MOST_CPU_S = 0.25  # a fifth of it is the aim; the rest is for a slow machine

PEOPLE_TYPE = {
    "hello": "<p>hello</p>",
    "*a* _b_ **c** __d__": "<p><em>a</em> <em>b</em> <strong>c</strong> <strong>d</strong></p>",
    "snake_case_name 2*3*4": "<p>snake_case_name 2<em>3</em>4</p>",
    "`a *b* <c>`": "<p><code>a *b* &lt;c&gt;</code></p>",
    "one\ntwo": "<p>one<br>two</p>",
    "one  \n  two": "<p>one  <br>  two</p>",
    "one\n\n\ntwo": "<p>one</p><p>two</p>",
    "> a\n> b\n\nc": "<blockquote><p>a<br>b</p></blockquote><p>c</p>",
    "so:\n> a": "<p>so:</p><blockquote><p>a</p></blockquote>",
    "```\na\n\n *b*\n```": '<pre tabindex="0"><code>a\n\n *b*\n</code></pre>',
    "```python\na = 1\n```": '<pre tabindex="0"><code>a = 1\n</code></pre>',
    "so:\n```\na": '<p>so:</p><pre tabindex="0"><code>a</code></pre>',
    "> ```\n> a\n> ```": '<blockquote><pre tabindex="0"><code>a\n</code></pre></blockquote>',
    "```make tea\nand toast\n```": '<pre tabindex="0"><code>make tea\nand toast\n</code></pre>',
    "```tea\n```": '<pre tabindex="0"><code>tea\n</code></pre>',
    "# not a heading": "<p># not a heading</p>",
    "- not\n- a list": "<p>- not<br>- a list</p>",
    "1. not\n2. a list": "<p>1. not<br>2. a list</p>",
    "| not | a |\n|---|---|": "<p>| not | a |<br>|---|---|</p>",
    "~~~\nno code\n~~~": "<p>~~~<br>no code<br>~~~</p>",
    "---": "<p>---</p>",
    "![no](picture.png)": "<p>![no](picture.png)</p>",
    "[no](/link)": "<p>[no](/link)</p>",
    "<b>no</b> &amp; \\*": "<p>&lt;b&gt;no&lt;/b&gt; &amp;amp; \\*</p>",
    "    four spaces": "<p>four spaces</p>",
    ">": "<p>&gt;</p>",
    "> >\n>": "<p>&gt; &gt;<br>&gt;</p>",
    "```\n```": "<p>```<br>```</p>",
    "**": "<p>**</p>",
    "😀 👩\u200d🚀 é": "<p>😀 👩\u200d🚀 é</p>",
}

PATHOLOGICAL = {
    "quotes": ">" * 10_000,
    "quotes with spaces": "> " * 5_000,
    "quoted lines": ">\n" * 5_000,
    "stairs of quotes": "".join(">" * (n % 40) + "a\n" for n in range(460)),
    "lines": "a\n" * 5_000,
    "paragraphs": "a\n\n" * 3_333,
    "as many paragraphs as keep marks": "abcdef\n\n" * 1_249,
    "stars": "*" * 10_000,
    "opening stars": "*a " * 3_333,
    "as many opening stars as keep marks": "*a1 " * 2_499,
    "stars and underscores": "*_" * 5_000,
    "as many stars and underscores as keep marks": "*_" * 1_249 + "a" * 7_000,
    "emphasised words": "_a_ **b** " * 400,
    "nested emphasis": "*a " * 1_200 + "a* " * 1_200,
    "backticks": "`" * 10_000,
    "runs of backticks": "".join("`" * n + " " for n in range(1, 70)),
    "code": "`a` " * 2_500,
    "as much code as keeps marks": "`a` " * 1_249,
    "fences": "```\n" * 2_500,
    "links": "https://example.org/1 " * 450,
    "schemes": "http://" * 1_428,
    "other schemes": "a://" * 2_500,
    "schemes with users": "http://a@" * 1_111,
    "hosts": "http://a.b\n" * 909,
    "schemes in a path": "http://a/" * 1_111,
    "mailboxes": "mailto:" * 1_428,
    "long mailboxes": "mailto:" + "a" * 9_993,
    "a long host": "http://" + "a." * 4_996,
    "a long label": "http://a" + "-" * 9_992,
    "brackets": "http://a/" + "(" * 9_991,
    "closing brackets": "http://a/" + ")" * 9_991,
    "colons": ":" * 10_000,
    "schemes without addresses": "http:" * 2_000,
    "angles": "<" * 10_000,
    "ampersands": "&" * 10_000,
    "square brackets": "[" * 10_000,
    "pictures": "![](" * 2_500,
    "backslashes": "\\" * 10_000,
    "spaces": " " * 9_999 + "a",
    "blank lines": "a" + "\n \t" * 3_333,
    "emoji": "😀" * 10_000,
    "marks on a letter": "a" + "\u0301" * 9_999,
    "joined emoji": "👩\u200d" * 5_000,
    "flags": "🇫" * 10_000,
    "overrides": "\u202ehttp://a " * 900,
}

MARKS = '*_`>~#-[]()!|\\<&" \n:/.@'
BITS = st.sampled_from(
    ["https://", "mailto:", "example.org", "a@example.org", "```", "**", "> ", "\n\n", "<b>", "</p>", "\u202e"]
)
TYPED = st.lists(st.one_of(BITS, st.text(MARKS, max_size=6), st.text(max_size=6)), max_size=40).map("".join)


class Drawn(HTMLParser):
    """What a browser reads in a message: its tags with their attributes, its text, and whether all is closed."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.links: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.strays: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "a":
            self.links.append((dict(attrs)["href"] or "", ""))
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.strays.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data
        if "a" in self.open:
            address, shown = self.links[-1]
            self.links[-1] = (address, shown + data)

    def handle_comment(self, data: str) -> None:
        self.strays.append(data)

    def handle_decl(self, decl: str) -> None:
        self.strays.append(decl)

    def handle_pi(self, data: str) -> None:
        self.strays.append(data)


def assert_harmless(text: str) -> Drawn:
    drawn = Drawn(str(render(text)))
    assert not drawn.strays
    assert not drawn.open
    for tag, attributes in drawn.tags:
        assert tag in TAGS
        assert attributes.keys() == ATTRIBUTES.get(tag, set())
        assert attributes.get("rel", REL) == REL
    for address, shown in drawn.links:
        assert address == shown
        assert address.lower().startswith(("http://", "https://", "mailto:"))
        assert address in text
    return drawn


def letters(text: str) -> str:
    """What is left when marks, blanks and controls are taken away."""
    return "".join(letter for letter in text if letter.isprintable() and letter not in " *_`>")


@pytest.mark.parametrize("text", PEOPLE_TYPE)
def test_people_see_the_marks_they_meant_and_all_else_as_typed(text: str) -> None:
    assert render(text) == PEOPLE_TYPE[text]


@pytest.mark.parametrize("text", SCRIPT_PAYLOADS)
def test_what_tries_to_run_is_only_read(text: str) -> None:
    drawn = assert_harmless(text)
    assert letters(drawn.text) == letters(text)


@pytest.mark.parametrize("text", NO_LINKS)
def test_an_address_that_lies_stays_text(text: str) -> None:
    drawn = assert_harmless(text)
    assert not drawn.links
    assert letters(drawn.text) == letters(text)


@pytest.mark.parametrize("text", LINKS)
def test_a_bare_address_becomes_a_link_that_shows_where_it_leads(text: str) -> None:
    drawn = assert_harmless(text)
    expected = LINKS[text]
    assert drawn.links == ([(expected, expected)] if expected else [])


def test_the_corpora_are_as_large_as_they_should_be() -> None:
    assert len(set(SCRIPT_PAYLOADS)) >= 150
    assert len(set(URL_PAYLOADS)) >= 100


def test_no_override_turns_the_letters_of_a_link_round() -> None:
    assert not assert_harmless("\u202e see https://example.org/").links


def test_a_quote_deeper_than_people_quote_loses_nothing() -> None:
    drawn = assert_harmless(">" * 40 + " tea")
    assert len(drawn.tags) == markup.DEEPEST_QUOTE + 1
    assert drawn.text == ">" * (40 - markup.DEEPEST_QUOTE) + " tea"


def test_emphasis_nested_by_the_hundred_is_shown_as_typed() -> None:
    text = "*a " * 200 + "a* " * 200
    assert render(text) == f"<p>{text.strip()}</p>"


def test_a_text_of_nothing_but_marks_is_shown_as_typed() -> None:
    most = "*a* " * (markup.MOST_COSTLY // 2)
    assert render(most).count("<em>") == markup.MOST_COSTLY // 2
    assert render(most + "*").count("<em>") == 0


@pytest.mark.parametrize("name", PATHOLOGICAL)
def test_no_message_takes_long(name: str) -> None:
    text = PATHOLOGICAL[name]
    assert len(text) <= markup.LONGEST_TEXT
    # The least of three, none of them seen before: what the machine does beside it only adds.
    assert min(_cpu_of(text[left_out:]) for left_out in range(3)) < MOST_CPU_S
    assert_harmless(text)


def _cpu_of(text: str) -> float:
    """What it costs this thread to show it, in seconds."""
    start = time.thread_time()
    render(text)
    preview(text)
    return time.thread_time() - start


@settings(deadline=None)
@given(TYPED)
def test_whatever_is_typed_the_structure_is_ours(text: str) -> None:
    drawn = assert_harmless(text)
    if "```" not in text:  # a language behind the backticks of a code block is not shown
        assert letters(drawn.text) == letters(text.replace("\0", "\ufffd"))


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters=markup.COSTLY + "\0\r")).filter(is_visible))
def test_a_text_without_marks_is_drawn_as_the_parser_would_draw_it(text: str) -> None:
    assert render(text) == markup.LAST_WORD.clean("".join(markup._draw(markup.PARSER.parse(text))))


@settings(deadline=None)
@given(TYPED, st.integers(1, 200))
def test_whatever_is_typed_the_preview_is_one_line_within_its_limit(text: str, limit: int) -> None:
    line = preview(text, limit)
    assert len(line) <= limit
    assert line == " ".join(line.split())


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("hello", "hello"),
        ("**hello** _you_ `x_y`", "hello you x_y"),
        ("one\ntwo\n\nthree", "one two three"),
        ("> quoted\n\nanswer", "quoted answer"),
        ("see:\n```py\na = 1\n```", "see: a = 1"),
        ("  a \t b  ", "a b"),
        (">", ">"),
        ("<b> & 'x'", "<b> & 'x'"),
        ("https://example.org/a_b_c", "https://example.org/a_b_c"),
        ("*" * 3000, "*" * 119 + "…"),
        ("a" * 120, "a" * 120),
        ("a" * 121, "a" * 119 + "…"),
        ("word " * 100, ("word " * 24)[:119].rstrip() + "…"),
    ],
)
def test_the_list_of_conversations_shows_one_plain_line(text: str, line: str) -> None:
    assert preview(text) == line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("abcde\u0301f", "abcd…"),
        ("abcd👍🏽f", "abcd…"),
        ("ab👩\u200d🚀f", "ab…"),
        ("abc🇫🇷def", "abc…"),
        ("ab🇫🇷🇫🇷f", "ab🇫🇷…"),
        ("abcक्षि", "abc…"),
        ("a\u0301\u0301\u0301\u0301\u0301\u0301\u0301", "a\u0301\u0301\u0301\u0301…"),
    ],
)
def test_a_preview_tears_no_character_from_its_marks(text: str, line: str) -> None:
    assert preview(text, 5 if len(line) < 6 else 6) == line


def test_line_ends_become_one_kind_and_nothing_else_changes() -> None:
    assert normalise(" a\r\nb\rc\n\n\td\u200e ") == " a\nb\nc\n\n\td\u200e "


@pytest.mark.parametrize(
    "text",
    ["", " ", "\r\n\t", "\u00a0\u2003\u3000", "\u200b\u200d\u2060\ufeff", "\u202e\u2066", "\u3164\u115f\u2800",
     "\u0301", "\ufe0f", "\U000e0001", "\x07", "\u2028\u2029"],
)  # fmt: skip
def test_a_message_that_nobody_could_see_is_refused(text: str) -> None:
    with pytest.raises(EmptyText):
        normalise(text)


@pytest.mark.parametrize("text", [".", "\u200b.", "é", "𝒳", "😀", "\U0001fae8", "\ue000", "한", ">"])
def test_a_message_with_anything_to_see_is_taken(text: str) -> None:
    assert normalise(text) == text


def test_ten_thousand_characters_fit_and_one_more_does_not() -> None:
    assert len(normalise("😀\r\n" * 5_000)) == 10_000
    with pytest.raises(TextTooLong):
        normalise("a" * 10_001)


def test_a_text_with_nul_is_refused_with_a_sentence() -> None:
    with pytest.raises(TextWithNul, match="NUL"):
        normalise("a\0b")
