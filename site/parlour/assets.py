"""What browsers fetch once and keep: styles, scripts and pictures, joined, compressed, and named by their digest."""

import hashlib
from functools import lru_cache
from pathlib import Path

import msgspec
from rjsmin import jsmin

from parlour.compression import ASSET_LEVEL, compress

DIGEST_CHARACTERS = 12
KEPT = 64  # assets

KINDS = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
SCRIPTS_FIRST = ("shared", "drafts")  # whose names the others use
# The order of the layers stands first, then what all else builds on; the rest is told apart by its layer.
STYLES_FIRST = ("layers.css", "tokens.css", "base.css")


class Asset(msgspec.Struct, frozen=True):
    """One file as it is sent: its bytes, those bytes compressed, and what they are."""

    content: bytes
    compressed: bytes
    media_type: str
    address: str


class Assets:
    """Every asset by the name that templates use and by the name with its digest."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._by_name: dict[str, Asset] = {}
        self._by_address: dict[str, Asset] = {}
        # htmx starts itself as soon as it is there, and its socket extension must be there before that: one file.
        library = (folder / "vendor" / "htmx.js").read_bytes()
        self._add("app.js", library + b"\n" + _in_one_scope(folder / "scripts"))
        # What one page alone needs, or the browser keeps for itself, is a file of its own.
        for path in sorted((*folder.glob("scripts/pages/*.js"), *folder.glob("worker/*.js"))):
            self._add(path.name, _minified(path))
        styles = sorted((folder / "styles").glob("*.css"), key=_style_order)
        self._add("app.css", _joined(styles))
        for path in sorted((folder / "icons").iterdir()):
            if path.suffix in KINDS:
                self._add(path.name, path.read_bytes())

    def add_voice(self, parts: str) -> None:
        """The script for voice, with the HTML in it that it shows, known to it as `PARTS`."""
        shown = b"const PARTS=" + msgspec.json.encode(parts) + b";"
        self._add("voice.js", _in_one_scope(self._folder / "scripts" / "voice", shown))

    def url(self, name: str) -> str:
        """The address of an asset. Raises KeyError: a template named one that is not there."""
        return f"/assets/{self._by_name[name].address}"

    def content(self, name: str) -> bytes:
        """What is in an asset. Raises KeyError."""
        return self._by_name[name].content

    def find(self, address: str) -> Asset | None:
        """The asset of `app-0123456789ab.css`."""
        return self._by_address.get(address)

    def _add(self, name: str, content: bytes) -> None:
        asset = _as_sent(name, content)
        self._by_name[name] = self._by_address[asset.address] = asset


@lru_cache(KEPT)
def _as_sent(name: str, content: bytes) -> Asset:
    """Compressed once for every application of this process."""
    path = Path(name)
    digest = hashlib.sha256(content).hexdigest()[:DIGEST_CHARACTERS]
    return Asset(content, compress(content, ASSET_LEVEL), KINDS[path.suffix], f"{path.stem}-{digest}{path.suffix}")


def _joined(paths: list[Path]) -> bytes:
    return b"\n".join(path.read_bytes() for path in paths)


def _minified(path: Path) -> bytes:
    """Our own script without what only its readers need: comments, and space that says nothing."""
    return bytes(jsmin(path.read_bytes()))


def _in_one_scope(folder: Path, *first: bytes) -> bytes:
    """A folder's scripts as one that keeps its names to itself: what they share comes first, what starts them last."""
    paths = sorted(
        folder.glob("*.js"), key=lambda path: (path.stem not in SCRIPTS_FIRST, path.stem == folder.name, path.name)
    )
    return b"\n".join([b'(()=>{"use strict";', *first, *map(_minified, paths), b"})();"])


def _style_order(path: Path) -> tuple[int, str]:
    first = STYLES_FIRST.index(path.name) if path.name in STYLES_FIRST else len(STYLES_FIRST)
    return first, path.name
