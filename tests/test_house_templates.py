"""Templates keep the rules that no linter knows, and the rules can tell."""

from pathlib import Path

import pytest

from markup import faults

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
TOKEN = '<input type="hidden" name="token" value="{{ token }}">'
GOOD = [
    f'<form method="post" action="/sign-in">{TOKEN}<label for="n">Name</label><input id="n" name="n"></form>',
    '<form method="get" action="/people"><input name="q" value="{{ query }}"></form>',
    '<a {% if row.mine %}class="mine"{% endif %} href="/messages/{{ row.id if row.id > 0 else \'\' }}">x</a>',
    '<script src="{{ asset("app.js") }}" defer></script>',
    "{# <p style='x' onclick=y>{{ z|safe }} #}<p>{{ z }}</p>",
    '<p hx-trigger="click from:#live" hx-vals="{}">if a < b and "c" > d</p>',
]
BAD = {
    "<p>{{ text|safe }}</p>": "escaped",
    "{% autoescape false %}{{ text }}{% endautoescape %}": "escaped",
    "<script>alert(1)</script>": "a script is a file",
    "<style>p { color: red }</style>": "a style is a file",
    '<p style="color: red">x</p>': "no inline style",
    '<p onclick="go()">x</p>': "onclick is an inline script",
    '<p hx-on:click="go()">x</p>': "hx-on:click is an inline script",
    "<p hx-vals='js:{a: 1}'>x</p>": "hx-vals holds a script",
    '<a href="javascript:go()">x</a>': "href holds a script",
    '<p hx-trigger="click[ctrlKey]">x</p>': "a filter in hx-trigger",
    "<p class={{ name }}>x</p>": "class has a value without quotes",
    '<form method="post" action="/x"><button>Go</button></form>': "hidden token",
    f"<form method=\"post\"></form><form method='post'>{TOKEN}</form>": "hidden token",
    '<label>Name <input name="n"></label>': "never around it",
}


def test_every_template_keeps_the_rules() -> None:
    found = [
        f"{path.relative_to(TEMPLATES)}:{fault}"
        for path in sorted(TEMPLATES.rglob("*.html"))
        for fault in faults(path.read_text("utf-8"))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("template", GOOD)
def test_a_good_template_is_let_be(template: str) -> None:
    assert faults(template) == []


@pytest.mark.parametrize("template", BAD)
def test_a_bad_template_is_found_with_its_line_and_its_reason(template: str) -> None:
    [fault] = faults("\n" + template)
    assert fault.startswith("2: ")
    assert BAD[template] in fault
