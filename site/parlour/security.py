"""Who may ask: our own Host, the same-origin rule, and form tokens."""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from urllib.parse import urlsplit

from litestar.datastructures import Headers

from parlour.errors import NotSameOrigin

DEFAULT_PORTS = {"http": 80, "https": 443}
NONCE_BYTES = 9
SEAL_CHARACTERS = 14  # 84 bits
WELL_FORMED = re.compile(rf"[A-Za-z0-9_-]{{12}}\.[A-Za-z0-9_-]{{{2 * SEAL_CHARACTERS}}}")


class Origins:
    """The origins that are ours: the base URL, or else this machine's own names at the bound port."""

    def __init__(self, base_url: str, host: str, port: int) -> None:
        bases = [base_url] if base_url else [f"http://{name}:{port}" for name in _own_names(host)]
        self.https = base_url.startswith("https:")
        self._origins = {_origin(base) for base in bases}
        self._hosts = {host for origin in self._origins for host in _hosts(origin)}

    def is_our_host(self, hosts: Iterable[str]) -> bool:
        """Exactly one Host, and one of ours."""
        found = list(hosts)
        return len(found) == 1 and found[0].lower() in self._hosts

    def is_our_origin(self, origins: Iterable[str]) -> bool:
        """Exactly one Origin, and one of ours; `null` and none are not."""
        found = list(origins)
        return len(found) == 1 and found[0].lower() in self._origins


class FormTokens:
    """Values that a form carries to show for whom its page was made: for this session or visitor, and for which person.

    Each is different, so that compressing a page that holds one tells nothing about it.
    """

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._keys = [hashlib.sha256(b"form token " + key.encode()).digest() for key in keys]

    def make(self, subject: str, person: str) -> str:
        nonce = secrets.token_urlsafe(NONCE_BYTES)
        return f"{nonce}.{_seal(self._keys[0], nonce, subject)}{_seal(self._keys[0], nonce, person)}"

    def fits(self, token: str, subject: str, person: str) -> bool:
        """Whether the token was made for this session or visitor, and so for this person."""
        nonce, _, seals = token.partition(".")
        mine = self._holds(nonce, seals[:SEAL_CHARACTERS], subject)
        return mine and self._holds(nonce, seals[SEAL_CHARACTERS:], person)

    def is_of_another(self, token: str, person: str) -> bool:
        """Whether this is a token, only that it was made for another person."""
        nonce, _, seals = token.partition(".")
        return bool(WELL_FORMED.fullmatch(token)) and not self._holds(nonce, seals[SEAL_CHARACTERS:], person)

    def _holds(self, nonce: str, seal: str, subject: str) -> bool:
        return any(hmac.compare_digest(seal.encode(), _seal(key, nonce, subject).encode()) for key in self._keys)


def _seal(key: bytes, nonce: str, subject: str) -> str:
    digest = hmac.new(key, f"{nonce} {subject}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode()[:SEAL_CHARACTERS]


def shown_same_origin(headers: Headers, origins: Origins) -> bool:
    """Whether the browser itself says that the request comes from a page of ours.

    False: it says nothing, and the form's token must show it. Raises NotSameOrigin where it says otherwise.
    """
    if sites := headers.getall("sec-fetch-site", []):
        if set(sites) != {"same-origin"}:
            raise NotSameOrigin
        return True
    if found := headers.getall("origin", []):
        if not origins.is_our_origin(found):
            raise NotSameOrigin
        return True
    return False


def _own_names(host: str) -> set[str]:
    return {"localhost", "127.0.0.1", "[::1]", f"[{host}]" if ":" in host else host}


def _hosts(origin: str) -> set[str]:
    """How a Host header names an origin: a default port may stand there or not."""
    scheme, _, host = origin.partition("://")
    return {host} if urlsplit(origin).port else {host, f"{host}:{DEFAULT_PORTS[scheme]}"}


def _origin(url: str) -> str:
    parts = urlsplit(url.lower())
    port = f":{parts.port}" if parts.port and parts.port != DEFAULT_PORTS[parts.scheme] else ""
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{port}"
