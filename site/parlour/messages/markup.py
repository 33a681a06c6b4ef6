"""Turns what a person typed into the few marks that a message may use; only this module builds `Markup`."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block.blockquote import blockquote
from markdown_it.rules_block.fence import make_fence_rule
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markupsafe import Markup, escape

from parlour.errors import Refusal
from parlour.messages.characters import cut_before, is_visible
from parlour.messages.links import find_link

LONGEST_TEXT = 10_000  # code points
LONGEST_PREVIEW = 120  # code points
PREVIEW_SOURCE = 1_000  # code points of a message that its preview looks at

# Each of these characters may start a rule, which costs microseconds: a text of nothing else would take
# longer than the 50 ms that a message may cost, and people do not write like that. Shown without marks.
COSTLY = "\n*_`>:"
MOST_COSTLY = 2_500
# What most people write most of the time has none of these, and to parse it would only find that.
NO_PLAIN_WORDS = re.compile(rf"[{COSTLY}\x00-\x1f\x7f-\x9f]")
DEEPEST_QUOTE = 8  # levels of `>`; what is quoted deeper stays as typed
DEEPEST_EMPHASIS = 16  # browsers flatten and slow down on elements nested by the hundred

# Pages of history draw the same rows again and again. The bounds keep the worst that people could post at
# some 40 MB, and what they really post at two.
KEPT_TEXTS = 4_096
LONGEST_KEPT = 500  # code points
KEPT_MARKS = 64  # texts; only as long as a message is being told

TAGS = {
    "paragraph_open": "<p>",
    "paragraph_close": "</p>",
    "blockquote_open": "<blockquote>",
    "blockquote_close": "</blockquote>",
    "em_open": "<em>",
    "em_close": "</em>",
    "strong_open": "<strong>",
    "strong_close": "</strong>",
    "link_close": "</a>",
    "softbreak": "<br>",
}
LINK_REL = "noopener nofollow ugc"
LAST_WORD = nh3.Cleaner(
    tags={"p", "br", "a", "code", "pre", "strong", "em", "blockquote"},
    attributes={"a": {"href"}},
    # Code scrolls inside itself, so whoever has no mouse must be able to stop there.
    set_tag_attribute_values={"pre": {"tabindex": "0"}},
    url_schemes={"http", "https", "mailto"},
    link_rel=LINK_REL,
)
LINK_WITHOUT_ADDRESS = f'<a rel="{LINK_REL}">'

LANGUAGE = re.compile(r"[\w+#.-]{1,30}")  # one word after the backticks names the language; more is code
BLANK_LINES = re.compile(r"\n\s*\n")


class EmptyText(Refusal):
    """There is nothing in it that anyone could see."""

    sentence = "Write something first: this message is empty."


class TextTooLong(Refusal):
    """More than `LONGEST_TEXT` code points."""

    sentence = "This message is too long: 10,000 characters is the most that one can hold."


class TextWithNul(Refusal):
    """NUL is no character of text, and PostgreSQL cannot store it."""

    sentence = "This message holds a character (NUL) that is not text. Please remove it."


def normalise(text: str, *, may_be_empty: bool = False) -> str:
    """The text with LF line ends and otherwise as it was typed; refuses what cannot be a message.

    Beside a recording a text may be empty; one that cannot be seen is then none.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        raise TextWithNul
    if len(text) > LONGEST_TEXT:
        raise TextTooLong
    if not is_visible(text):
        if may_be_empty:
            return ""
        raise EmptyText
    return text


def render(text: str) -> Markup:
    """A normalised text in p, br, a, code, pre, strong, em and blockquote; all else as it was typed."""
    return _render_kept(text) if len(text) <= LONGEST_KEPT else _render(text)


def preview(text: str, limit: int = LONGEST_PREVIEW) -> str:
    """The text as one plain line of at most `limit` code points, without its marks."""
    return _preview_kept(text[:PREVIEW_SOURCE], limit)


def _render(text: str) -> Markup:
    tokens = _marks_of(text)
    html = LAST_WORD.clean("".join(_draw(tokens)) if tokens else _draw_plainly(text))
    if LINK_WITHOUT_ADDRESS in html:  # nh3 refused an address: better no marks than a link to nowhere
        html = LAST_WORD.clean(_draw_plainly(text))
    # Safe to call markup: nh3 has just had the last word on it.
    return Markup(html)  # nosec B704


def _preview(text: str, limit: int) -> str:
    tokens = _marks_of(text)
    line = " ".join((_shown(tokens) if tokens else text).split())
    return line if len(line) <= limit else line[: cut_before(line, limit - 1)].rstrip() + "…"


def _marks_of(text: str) -> Sequence[Token]:
    """What `_parse` makes of a text; a new message is asked for twice, for its row and for the list."""
    return _parse_kept(text) if len(text) <= LONGEST_KEPT else _parse(text)


_parse_kept = lru_cache(KEPT_MARKS)(lambda text: tuple(_parse(text)))
_render_kept = lru_cache(KEPT_TEXTS)(_render)
_preview_kept = lru_cache(KEPT_TEXTS)(_preview)


def _parse(text: str) -> list[Token]:
    """The marks of a text, or nothing where it has none or is to be shown without."""
    if not NO_PLAIN_WORDS.search(text) or sum(map(text.count, COSTLY)) > MOST_COSTLY:
        return []
    tokens = PARSER.parse(text)
    deepest = max((child.level for token in tokens for child in token.children or ()), default=0)
    if deepest > DEEPEST_EMPHASIS or not is_visible(_shown(tokens)):  # a lone `>` would show an empty quote
        return []
    return tokens


def _draw(tokens: Iterable[Token]) -> Iterator[str]:
    """HTML of fixed tags and escaped text; `href` is the only attribute that holds anything typed."""
    for token in tokens:
        if token.type == "inline":
            yield from _draw(token.children or ())
        elif token.type == "text":
            yield escape(token.content)
        elif token.type == "code_inline":
            yield f"<code>{escape(token.content)}</code>"
        elif token.type == "fence":
            yield f"<pre><code>{escape(_code_of(token))}</code></pre>"
        elif token.type == "link_open":
            yield f'<a href="{escape(token.attrs["href"])}">'
        else:
            yield TAGS[token.type]


def _draw_plainly(text: str) -> str:
    paragraphs = (str(escape(paragraph.strip())) for paragraph in BLANK_LINES.split(text))
    return "".join(f"<p>{paragraph.replace(chr(10), '<br>')}</p>" for paragraph in paragraphs)


def _shown(tokens: Iterable[Token]) -> str:
    """The text that the tokens show, with a space wherever a line or block begins."""
    words = []
    for token in tokens:
        if token.type == "inline":
            words.append(_shown(token.children or ()) + " ")
        elif token.type == "fence":
            words.append(_code_of(token) + " ")
        else:
            words.append(" " if token.type == "softbreak" else token.content)
    return "".join(words)


def _code_of(fence: Token) -> str:
    """The code of a block; words behind its opening backticks belong to it unless they name a language."""
    first = fence.info.strip()
    if LANGUAGE.fullmatch(first) and is_visible(fence.content):
        first = ""
    return f"{first}\n{fence.content}" if first else fence.content


def _break_line(state: StateInline, silent: bool) -> bool:
    """A line break is a line break, and the spaces round it stay."""
    if state.src[state.pos] != "\n":
        return False
    if not silent:
        state.push("softbreak", "br", 0)
    state.pos += 1
    return True


def _link(state: StateInline, silent: bool) -> bool:
    """A bare address becomes a link that shows exactly where it leads."""
    link = find_link(state.src, state.pos)
    if link is None or not state.pending.endswith(state.src[link.start : state.pos]):
        return False
    if not silent:
        state.pending = state.pending[: link.start - state.pos]
        address = state.src[link.start : link.end]
        state.push("link_open", "a", 1).attrs = {"href": address}
        state.push("text", "", 0).content = address
        state.push("link_close", "a", -1)
    state.pos = link.end
    return True


def _quote(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """The parser forgets whatever is nested too deeply for it; so does nobody who quotes here."""
    return state.level < DEEPEST_QUOTE and blockquote(state, start_line, end_line, silent)


def _build_parser() -> MarkdownIt:
    parser = MarkdownIt("zero")
    ends: RuleOptionsType = {"alt": ["paragraph", "blockquote"]}
    parser.enable(["fence", "blockquote", "newline", "backticks", "emphasis"])
    parser.block.ruler.at("fence", make_fence_rule(markers=("`",)), ends)
    parser.block.ruler.at("blockquote", _quote, ends)
    parser.inline.ruler.at("newline", _break_line)
    parser.inline.ruler.before("newline", "address", _link)
    return parser


PARSER = _build_parser()
