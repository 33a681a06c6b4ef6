"""Draws pages and fragments: the Jinja environment, its filters, and the answer that carries the HTML."""

from collections.abc import Callable, Mapping, MutableMapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from types import CodeType
from typing import Protocol

from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined, Template
from jinja2.bccache import Bucket
from litestar.response import Response
from markupsafe import Markup

GOLDEN_ANGLE = 137.508  # degrees; hues of neighbouring ids stand far apart

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = tuple(
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)

KEPT_TIMES = 1_024

Filter = Callable[[datetime], str]


class Macro(Protocol):
    """A fragment that is given what it shows."""

    def __call__(self, *shown: object) -> Markup: ...


class _Environment(Environment):
    """Gives each template the globals as one plain mapping: a chain of them costs more than drawing a small one."""

    def make_globals(self, d: MutableMapping[str, object] | None) -> MutableMapping[str, object]:
        return {**self.globals, **(d or {})}


class _Compiled(BytecodeCache):
    """What was compiled, kept in memory for every application of this process: compiling takes longer than the rest."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.code:
            self._codes[bucket.key, bucket.checksum] = bucket.code


_COMPILED = _Compiled()


class Templates:
    """Every template, compiled once."""

    def __init__(self, folder: Path, known: Mapping[str, object], *, reload: bool = False) -> None:
        self._environment = _Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=reload,
            trim_blocks=True,
            lstrip_blocks=True,
            cache_size=-1,
            bytecode_cache=_COMPILED,
        )
        self._environment.globals |= known
        self._environment.filters |= {
            # The time of a message is drawn for each kind of viewer, and in each one's list. All times here are UTC.
            "hhmm": _kept(lambda at: f"{at.hour:02}:{at.minute:02}"),
            "iso": _kept(lambda at: at.isoformat(timespec="seconds")),
            "isodate": _kept(lambda at: at.date().isoformat()),
            "day": _kept(_day),
            "initials": _initials,
            "length": length,
            "plain": lambda number: f"{number:g}",
            "hue": lambda number: round(number * GOLDEN_ANGLE) % 360,
        }

    def load_all(self) -> None:
        """Compiles what was not compiled yet, before anybody waits: a third of a second, once in a process."""
        for name in self._environment.list_templates():
            self.get(name)

    def get(self, name: str) -> Template:
        return self._environment.get_template(name)

    def macros(self, name: str, *macros: str) -> list[Macro]:
        """Those of a template's macros: to call one costs a part of what it costs to render a template."""
        module = self.get(name).module
        return [getattr(module, macro) for macro in macros]

    def draw(self, name: str, /, **context: object) -> str:
        """HTML. Raises jinja2's UndefinedError when the context lacks what the template shows."""
        return self.get(name).render(context)


def html(content: str, status: int = 200, **headers: str) -> Response[str]:
    """An answer of HTML; `cache_control="…"` is the header `cache-control`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(content, status_code=status, media_type="text/html", headers=named)


def _kept(made: Filter) -> Filter:
    return lru_cache(KEPT_TIMES)(made)


def _day(at: datetime) -> str:
    """`Tuesday, 24 November 2026`, without the locale of the machine having a say."""
    return f"{WEEKDAYS[at.weekday()]}, {at.day} {MONTHS[at.month - 1]} {at.year}"


def length(seconds: float) -> str:
    """`0:42`, as people read it."""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02}"


def _initials(name: str) -> str:
    """One or two letters that stand for a name: `Ada` A, `ada.lovelace` AL."""
    words = [word for word in name.replace("_", ".").replace("-", ".").split(".") if word]
    return "".join(word[0] for word in words[:2]).upper()
