"""Stands before the application: refuses foreign Hosts and odd addresses, and dresses every answer."""

import re
from collections.abc import Callable, Iterable
from contextlib import nullcontext

from litestar.enums import HttpMethod, ScopeType
from litestar.exceptions import LitestarException
from litestar.types import ASGIApp, HTTPResponseStartEvent, HTTPScope, Message, Receive, Scope, Send

from parlour.compression import compress, takes_gzip
from parlour.forms import announced_bytes
from parlour.pace import Pace, RightOfWay
from parlour.security import Origins

HSTS_S = 365 * 86_400
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; "
    "media-src 'self' blob:; worker-src 'self'; manifest-src 'self'; frame-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
POLICY_IN_A_FRAME = POLICY.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "permissions-policy": "microphone=(self), camera=(), geolocation=()",
    "cross-origin-resource-policy": "same-origin",
}
# A style, a script or a bitmap is part of a page, and the page's policy counts; SVG can be a page by itself.
OF_PAGES_ALONE = {b"content-security-policy", b"referrer-policy", b"permissions-policy"}
ON_HTTPS = {  # elsewhere browsers ignore them, and complain of the second
    "strict-transport-security": f"max-age={HSTS_S}",
    "cross-origin-opener-policy": "same-origin",
}
SMALL_FORM_BYTES = 16 * 1024  # what somebody wrote, and no file
# Files that come at once are let in one after the other, about as fast as recordings are read.
FILES_EVERY_S, FILES_WITHIN_S = 0.06, 1.2
WORTH_COMPRESSING = 1024  # bytes
NOT_OUR_HOST = b"This is not an address of this Parlour. Its operator can set PARLOUR_BASE_URL.\n"

# Every address of ours is spelt in these characters, with no empty part. The router would also take a doubled or
# trailing slash and any escape, and one thing would have many addresses.
PLAIN_PATH = re.compile(rb"/|(/[A-Za-z0-9._-]+)+")
NO_PATH = "/-"  # leads nowhere
ON_SHUTDOWN = "parlour.on_shutdown"  # in the state of the lifespan: what is called as soon as the server is to stop

BROKEN_OFF = "broken_off"  # in the state of a request whose answer ends before its end

Headers = list[tuple[bytes, bytes]]


class Porter:
    """Lets requests in to the application, and dresses its answers."""

    def __init__(self, app: ASGIApp, origins: Origins, way: RightOfWay, on_shutdown: Callable[[], None]) -> None:
        self._app = app
        self._way = way
        self._pace = Pace(FILES_EVERY_S, FILES_WITHIN_S)
        self._on_shutdown = on_shutdown
        self._origins = origins
        headers = HEADERS | (ON_HTTPS if origins.https else {})
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind: str = scope["type"]
        if kind == "lifespan":
            scope["state"][ON_SHUTDOWN] = self._on_shutdown
            await self._app(scope, receive, send)
        elif not self._origins.is_our_host(_values(scope, b"host")):
            await self._refuse(scope, send)
        elif scope["type"] == ScopeType.HTTP:
            await self._answer(scope, receive, send)
        else:
            socket = scope.copy()
            socket["path"] = _path(scope)
            await self._app(socket, receive, send)

    async def _answer(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        asked = scope.copy()  # the server goes by its own, in which a HEAD stays one
        asked["path"] = _path(scope)
        if scope["method"] == HttpMethod.HEAD:
            asked["method"] = HttpMethod.GET
            asked["state"]["only_head"] = True  # for whoever would note that a page was read
        zipped = takes_gzip(", ".join(_values(scope, b"accept-encoding")))
        begun: list[HTTPResponseStartEvent] = []

        async def send_dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                begun.append(message)  # its headers depend on the body
                return
            if message["type"] == "http.response.body" and begun:
                start = begun.pop()
                headers = self._completed(list(start["headers"]))
                if zipped and not message["more_body"] and _is_worth_compressing(headers, message["body"]):
                    message["body"] = compress(message["body"])
                    headers = _as_compressed(headers, len(message["body"]))
                start["headers"] = headers
                await send(start)
            await send(message)

        posts = scope["method"] == HttpMethod.POST
        is_small = 0 <= announced_bytes("".join(_values(scope, b"content-length"))) <= SMALL_FORM_BYTES
        if posts and not is_small and _has_parts(scope):
            await self._pace.wait()
            await self._way.give_way()
        try:
            with self._way.first() if posts and is_small else nullcontext():
                await self._app(asked, receive, send_dressed)
        except LitestarException:
            if BROKEN_OFF not in asked["state"]:
                raise
            # Whoever breaks an answer off has said why; the server closes the line, since less came than was promised.

    def _completed(self, headers: Headers) -> Headers:
        present = {name.lower() for name, _ in headers}
        needless = present | OF_PAGES_ALONE if _is_part_of_pages(headers) else present
        headers += [(name, value) for name, value in self._headers if name not in needless]
        if b"cache-control" not in present:
            headers.append((b"cache-control", b"no-store"))
        if _is_html(headers):
            headers.append((b"vary", b"accept-encoding"))
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


def _path(scope: Scope) -> str:
    return scope["path"] if PLAIN_PATH.fullmatch(scope["raw_path"]) else NO_PATH


def _values(scope: Scope, wanted: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in scope["headers"] if name == wanted]


def _has_parts(scope: HTTPScope) -> bool:
    return any(media_type.lower().startswith("multipart/") for media_type in _values(scope, b"content-type"))


def _is_worth_compressing(headers: Headers, body: bytes) -> bool:
    return len(body) >= WORTH_COMPRESSING and _is_html(headers)


def _as_compressed(headers: Headers, length: int) -> Headers:
    kept = [(name, value) for name, value in headers if name.lower() != b"content-length"]
    return [*kept, (b"content-length", str(length).encode()), (b"content-encoding", b"gzip")]


def _is_part_of_pages(headers: Headers) -> bool:
    told = dict(headers)
    return b"immutable" in told.get(b"cache-control", b"") and not told[b"content-type"].startswith(b"image/svg")


def _is_html(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    return any(name.lower() == b"content-type" and value.startswith(b"text/html") for name, value in headers)
