"""The WebSocket handshake as bytes: reading the request, and every answer to it (RFC 6455, 4.2)."""

import base64
import binascii
from collections.abc import Iterable
from http import HTTPStatus
from typing import NamedTuple

from websockets.utils import accept_key

Headers = list[tuple[bytes, bytes]]

VERSION = b"13"
KEY_BYTES = 16
ONCE = (b"host", b"origin", b"sec-websocket-key", b"sec-websocket-version")


class Handshake(NamedTuple):
    """A request that may become a socket."""

    path: bytes
    query: bytes
    headers: Headers
    subprotocols: list[str]
    accept: bytes  # what answers the request's key


class BadHandshake(Exception):
    """No WebSocket can come of this request; `answer` is the whole HTTP response."""

    def __init__(
        self, sentence: str, status: int = HTTPStatus.BAD_REQUEST, headers: Iterable[tuple[bytes, bytes]] = ()
    ):
        super().__init__(sentence)
        self.answer = plain_answer(status, sentence, headers)


def read_handshake(head: bytes) -> Handshake:
    """Reads a request's head, as the HTTP parser let it through. Raises BadHandshake."""
    request, *lines = head.split(b"\r\n")
    method, _, rest = request.partition(b" ")
    target = rest.partition(b" ")[0]
    headers = [(name.lower(), value.strip(b" \t")) for name, _, value in (line.partition(b":") for line in lines)]
    if method != b"GET":
        raise BadHandshake("A WebSocket opens with GET.")
    if not target.startswith(b"/") or not target.isascii() or b"#" in target:
        raise BadHandshake("The address must be a path of this site.")
    values = {name: value for name, value in headers if name in ONCE}
    if len(values) != sum(name in ONCE for name, _ in headers):
        raise BadHandshake("Host, Origin and the WebSocket headers may stand only once.")
    if values.get(b"sec-websocket-version") != VERSION:
        version = (b"sec-websocket-version", VERSION)
        raise BadHandshake(
            "Only version 13 of the WebSocket protocol is spoken here.",
            HTTPStatus.UPGRADE_REQUIRED,
            [version],
        )
    if b"host" not in values:
        raise BadHandshake("A request needs a Host header.")
    if any(name == b"transfer-encoding" or (name == b"content-length" and value != b"0") for name, value in headers):
        raise BadHandshake("A WebSocket opens without a body.")
    path, _, query = target.partition(b"?")
    return Handshake(path, query, headers, _subprotocols(headers), _accept(values.get(b"sec-websocket-key", b"")))


def welcome(accept: bytes, headers: Iterable[tuple[bytes, bytes]], subprotocol: str | None) -> bytes:
    """The response that opens the socket; it takes up no extension, so nothing is ever compressed."""
    lines = [(b"upgrade", b"websocket"), (b"connection", b"Upgrade"), (b"sec-websocket-accept", accept)]
    if subprotocol:
        lines.append((b"sec-websocket-protocol", subprotocol.encode("latin-1")))
    return _response(HTTPStatus.SWITCHING_PROTOCOLS, [*lines, *headers], b"")


def plain_answer(status: int, sentence: str, headers: Iterable[tuple[bytes, bytes]] = ()) -> bytes:
    """A whole HTTP response of one plain sentence, after which the connection ends."""
    plain = [(b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff")]
    return last_answer(status, [*plain, *headers], sentence.encode())


def last_answer(status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> bytes:
    """A whole HTTP response, after which the connection ends."""
    ours = (b"content-length", b"connection")
    kept = [(name, value) for name, value in headers if name.lower() not in ours]
    length = str(len(body)).encode()
    return _response(status, [*kept, (b"content-length", length), (b"connection", b"close")], body)


def _accept(key: bytes) -> bytes:
    try:
        whole = len(base64.b64decode(key, validate=True)) == KEY_BYTES
    except binascii.Error:
        whole = False
    if not whole:
        raise BadHandshake("The Sec-WebSocket-Key header must hold 16 bytes in base64.")
    return accept_key(key.decode()).encode()


def _subprotocols(headers: Headers) -> list[str]:
    lists = [value.decode("latin-1") for name, value in headers if name == b"sec-websocket-protocol"]
    return [word for text in lists for word in (part.strip() for part in text.split(",")) if word]


def _response(status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> bytes:
    lines = [b"HTTP/1.1 %d %s" % (status, HTTPStatus(status).phrase.encode())]
    lines += [name + b": " + value for name, value in headers]
    if any(b"\r" in line or b"\n" in line for line in lines):
        raise ValueError("a response header holds a line break")
    return b"\r\n".join([*lines, b"", body])
