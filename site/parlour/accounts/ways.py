"""Where signing in leads to: a page of this house, and no address that takes nothing but forms."""

import posixpath
import re
from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

from parlour.forms import Asked

FRAMES = (  # what stands in a frame, and the page around it
    (re.compile(r"/inbox/live"), "/"),
    (re.compile(r"(/conversations/\d+)/live"), r"\1"),
    (re.compile(r"(/conversations/\d+)/composer"), r"\1/without-scripts"),
)


def way_on(request: Asked, text: str) -> str:
    """A path of this site at which there is something to look at, or empty."""
    path = local_path(text)
    return "" if _takes_only_forms(request, path) else path


def page_around(path: str) -> str:
    """The page that holds this one in a frame, to which one is led there; empty where there is none."""
    alone = urlsplit(path).path
    return next((found.expand(page) for frame, page in FRAMES if (found := frame.fullmatch(alone))), "")


def local_path(text: str) -> str:
    """A path of this site, or empty: nothing that a browser would take for another site's address."""
    local = text.startswith("/") and not text.startswith("//") and "\\" not in text
    return text if local and text.isascii() and text.isprintable() and " " not in text else ""


def _takes_only_forms(request: Asked, path: str) -> bool:
    parts = posixpath.normpath(unquote(urlsplit(path).path)).strip("/").split("/")
    return any(_leads_to(route.path_components, parts) for route in request.app.routes if "GET" not in route.methods)


def _leads_to(known: Sequence[object], parts: list[str]) -> bool:
    """Whether an address is that of a route: the same words, and anything at all where the route has none."""
    return len(known) == len(parts) and all(
        word == part or not isinstance(word, str) for word, part in zip(known, parts, strict=True)
    )
