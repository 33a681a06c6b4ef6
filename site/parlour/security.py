"""Who may ask: our own Host, the same-origin rule, form tokens, and the headers that every answer carries."""

import secrets
from collections.abc import Iterable
from urllib.parse import urlsplit

from itsdangerous import Signer
from litestar.datastructures import Headers
from litestar.enums import HttpMethod, ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from parlour.errors import NotSameOrigin

DEFAULT_PORTS = {"http": 80, "https": 443}
HSTS_S = 365 * 86_400
VISITOR_COOKIE = "visitor"
NONCE_BYTES = 9

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; "
    "media-src 'self' blob:; worker-src 'self'; manifest-src 'self'; frame-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "permissions-policy": "microphone=(self), camera=(), geolocation=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
NOT_OUR_HOST = b"This is not an address of this Parlour. Its operator can set PARLOUR_BASE_URL.\n"


class Origins:
    """The origins that are ours: the base URL, or else this machine's own names at the bound port."""

    def __init__(self, base_url: str, host: str, port: int) -> None:
        bases = [base_url] if base_url else [f"http://{name}:{port}" for name in _own_names(host)]
        self.https = base_url.startswith("https:")
        self._origins = {_origin(base) for base in bases}
        self._hosts = {origin.partition("://")[2] for origin in self._origins}
        self._default_port = f":{DEFAULT_PORTS['https' if self.https else 'http']}"

    def is_our_host(self, hosts: Iterable[str]) -> bool:
        """Exactly one Host, and one of ours."""
        found = list(hosts)
        return len(found) == 1 and found[0].lower().removesuffix(self._default_port) in self._hosts

    def is_our_origin(self, origins: Iterable[str]) -> bool:
        """Exactly one Origin, and one of ours; `null` and none are not."""
        found = list(origins)
        return len(found) == 1 and found[0].lower() in self._origins


class FormTokens:
    """Values that a form carries to show that its page was made for this session, or for this visitor.

    Each is different, so that compressing a page that holds one tells nothing about it.
    """

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._signer = Signer(list(reversed(keys)), salt="form token", key_derivation="hmac")

    def make(self, subject: str) -> str:
        nonce = secrets.token_urlsafe(NONCE_BYTES)
        return f"{nonce}.{self._signer.get_signature(f'{nonce} {subject}').decode()}"

    def fits(self, token: str, subject: str) -> bool:
        nonce, _, signature = token.partition(".")
        return token.isascii() and self._signer.verify_signature(f"{nonce} {subject}".encode(), signature.encode())


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


class Porter:
    """Stands before the application: refuses foreign Hosts, answers HEAD like GET, and adds the headers."""

    def __init__(self, app: ASGIApp, origins: Origins) -> None:
        self._app = app
        self._origins = origins
        headers = HEADERS | ({"strict-transport-security": f"max-age={HSTS_S}"} if origins.https else {})
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind: str = scope["type"]
        if kind == "lifespan":
            await self._app(scope, receive, send)
        elif not self._origins.is_our_host(_hosts(scope)):
            await self._refuse(scope, send)
        elif scope["type"] == ScopeType.HTTP:
            await self._answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        only_head = scope["method"] == HttpMethod.HEAD
        if only_head:
            scope["method"] = HttpMethod.GET

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = self._completed(list(message.get("headers", ())))
            elif message["type"] == "http.response.body" and only_head:
                message["body"] = b""
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _completed(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        present = {name.lower() for name, _ in headers}
        headers += [(name, value) for name, value in self._headers if name not in present]
        if b"cache-control" not in present:
            headers.append((b"cache-control", b"no-store"))
        return headers

    async def _refuse(self, scope: Scope, send: Send) -> None:
        length = str(len(NOT_OUR_HOST)).encode()
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", length), *self._headers]
        if scope["type"] == ScopeType.WEBSOCKET:
            await send({"type": "websocket.http.response.start", "status": 400, "headers": headers})
            await send({"type": "websocket.http.response.body", "body": NOT_OUR_HOST, "more_body": False})
        else:
            await send({"type": "http.response.start", "status": 400, "headers": headers})
            await send({"type": "http.response.body", "body": NOT_OUR_HOST, "more_body": False})


def _hosts(scope: Scope) -> list[str]:
    return [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]


def _own_names(host: str) -> set[str]:
    return {"localhost", "127.0.0.1", "[::1]", f"[{host}]" if ":" in host else host}


def _origin(url: str) -> str:
    parts = urlsplit(url.lower())
    port = f":{parts.port}" if parts.port and parts.port != DEFAULT_PORTS[parts.scheme] else ""
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{port}"
