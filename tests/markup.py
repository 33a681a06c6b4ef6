"""Rules for templates that no linter knows: what the policy forbids, what forms and labels must be."""

import re
from collections.abc import Callable, Iterator

COMMENT = re.compile(r"\{#.*?#\}|<!--.*?-->", re.DOTALL)
STATEMENT = re.compile(r"\{%.*?%\}", re.DOTALL)
EXPRESSION = re.compile(r"\{\{.*?\}\}", re.DOTALL)
TAG = re.compile(r"<([a-zA-Z][\w-]*)((?:\"[^\"]*\"|'[^']*'|[^<>\"'])*)>")
ATTRIBUTE = re.compile(r"""([^\s=<>"'/]+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+))?""")
FORM = re.compile(r"<form\b(.*?)>(.*?)</form>", re.DOTALL | re.IGNORECASE)
POST = re.compile(r"method\s*=\s*[\"']?post", re.IGNORECASE)
TOKEN = re.compile(r"<input\b(?=[^>]*type=\"hidden\")(?=[^>]*name=\"token\")(?=[^>]*value=)", re.IGNORECASE)
LABEL = re.compile(r"<label\b[^>]*>(.*?)</label>", re.DOTALL | re.IGNORECASE)
CONTROL = re.compile(r"<(input|textarea|select|button)\b", re.IGNORECASE)
SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script>", re.DOTALL | re.IGNORECASE)
UNSAFE = re.compile(r"\|\s*(safe|forceescape)\b|\bMarkup\(|\{%-?\s*autoescape\b")

Fault = tuple[int, str]  # where in the text, and a sentence


def faults(template: str) -> list[str]:
    """What is wrong with a template: a line number and a sentence each, in the order of the lines."""
    found = sorted(fault for rule in RULES for fault in rule(template))
    return [f"{template.count(chr(10), 0, place) + 1}: {sentence}" for place, sentence in found]


def escapes_the_escaping(template: str) -> Iterator[Fault]:
    for match in UNSAFE.finditer(COMMENT.sub(_blank, template)):
        yield match.start(), "text must stay escaped; markup arrives as Markup"


def breaks_the_policy(template: str) -> Iterator[Fault]:
    text = plain(template)
    for script in SCRIPT.finditer(text):
        if "src=" not in script[1] or script[2].strip():
            yield script.start(), "a script is a file of its own"
    for tag in TAG.finditer(text):
        if tag[1].lower() == "style":
            yield tag.start(), "a style is a file of its own"
        for name, value in attributes(tag):
            yield from ((tag.start(), sentence) for sentence in _against_policy(name, value))


def leaves_a_value_unquoted(template: str) -> Iterator[Fault]:
    for tag in TAG.finditer(plain(template)):
        for name, value in attributes(tag):
            if value and value[0] not in "\"'":
                yield tag.start(), f"{name} has a value without quotes"


def posts_without_a_token(template: str) -> Iterator[Fault]:
    for form in FORM.finditer(plain(template)):
        if POST.search(form[1]) and not TOKEN.search(form[2]):
            yield form.start(), "a form that posts carries the hidden token"


def wraps_a_control_in_a_label(template: str) -> Iterator[Fault]:
    for label in LABEL.finditer(plain(template)):
        if CONTROL.search(label[1]):
            yield label.start(), "a label stands beside its control, never around it"


RULES: list[Callable[[str], Iterator[Fault]]] = [
    escapes_the_escaping,
    breaks_the_policy,
    leaves_a_value_unquoted,
    posts_without_a_token,
    wraps_a_control_in_a_label,
]


def plain(template: str) -> str:
    """The HTML alone, every character in its place: statements are blank, and what is shown is a run of x."""
    html = STATEMENT.sub(_blank, COMMENT.sub(_blank, template))
    return EXPRESSION.sub(lambda match: re.sub(r"[^\n]", "x", match[0]), html)


def attributes(tag: re.Match[str]) -> Iterator[tuple[str, str]]:
    """Name and value, the quotes still around it; an empty value for a name that stands alone."""
    for attribute in ATTRIBUTE.finditer(tag[2]):
        yield attribute[1].lower(), attribute[2] or ""


def _against_policy(name: str, value: str) -> Iterator[str]:
    bare = value.strip("\"' \n").lower()
    if name == "style":
        yield "no inline style"
    if name.startswith(("on", "hx-on", "data-hx-on")):
        yield f"{name} is an inline script"
    if bare.startswith(("js:", "javascript:")):
        yield f"{name} holds a script"
    if name in {"hx-trigger", "data-hx-trigger"} and "[" in bare:
        yield "a filter in hx-trigger is evaluated as a script"


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])
