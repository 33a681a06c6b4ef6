"""Connections as thin as they can be, so that what is measured is the server: a page's socket, and forms by HTTP."""

import asyncio
import re
import time
from collections.abc import Callable
from typing import NamedTuple

from parlour.live.wire_transport import Transport
from raw_page import TEXT, masked

ROW = re.compile(
    rb'hx-target="#messages:not\(:has\(#message-\d+\)\)".*?data-seq="(\d+)".*?' + rb"m(\d+)x(\d+)m", re.DOTALL
)
CURSOR = re.compile(rb'id="cursor" name="after" value="(\d+)"')
BEAT = b'"#beat"'
STATUS = slice(9, 12)  # of `HTTP/1.1 200 OK`
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
SHORT, LONG, LONGER = 125, 126, 127
OPCODE, SIZE = 0x0F, 0x7F


class Heard(NamedTuple):
    """A row that came to a page: its place in the conversation, whose it is, and which of theirs."""

    seq: int
    sender: int
    number: int


def rows(html: bytes) -> list[Heard]:
    """The rows that a frame, or the answer to a post, adds to the page."""
    return [Heard(*map(int, found.groups())) for found in ROW.finditer(html)] if b"#messages:not" in html else []


class Line(asyncio.Protocol):
    """A connection that collects what comes until whoever waits for it has enough."""

    transport: Transport

    def __init__(self) -> None:
        self.received = bytearray()
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, Transport):
            raise TypeError("a line reads and writes")
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        self.advance()

    def data_received(self, data: bytes) -> None:
        self.received += data
        self.advance()

    def advance(self) -> None:
        """Takes what is whole out of what was received."""
        raise NotImplementedError


class Page(Line):
    """An open conversation page; `heard` is told of each row as it comes, with the time."""

    def __init__(self, heard: Callable[[Heard, float], None]) -> None:
        super().__init__()
        self._heard = heard
        self._last: bytes = b""  # the frame that tells the newest revision
        self._open = False
        self.greeted = asyncio.get_running_loop().create_future()

    def open(self, host: str, cookie: str, conversation: int, after: int) -> None:
        """Shakes hands and says hello; `greeted` is done once the server has said all that was missed."""
        head = (
            f"GET /live?conversation={conversation} HTTP/1.1\r\nhost: {host}\r\norigin: http://{host}\r\n"
            "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
            f"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\ncookie: {cookie}\r\n\r\n"
        )
        self.transport.write(head.encode() + masked(TEXT, b'{"after":"%d"}' % after))
        self._last = b'id="cursor" name="after" value="%d"' % after

    @property
    def after(self) -> int:
        """The revision that the page shows."""
        found = CURSOR.search(self._last)
        return int(found[1]) if found else 0

    def advance(self) -> None:
        if self.lost and not self.greeted.done():
            self.greeted.set_exception(ConnectionError("the socket ended before it was greeted"))
        if not self._open:
            self._open = self._welcomed()
        while self._open and (payload := self._take_frame()) is not None:
            now = time.perf_counter()
            for row in rows(payload):
                self._heard(row, now)
            if b'id="cursor"' in payload:
                self._last = payload
            if not self.greeted.done() and BEAT in payload:
                self.greeted.set_result(None)

    def _welcomed(self) -> bool:
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return False
        if self.received[STATUS] != b"101":
            raise ConnectionError(f"the socket was refused: {self.received[:end].decode()}")
        del self.received[: end + 4]
        return True

    def _take_frame(self) -> bytes | None:
        received = self.received
        if len(received) < 2:
            return None
        size, start = received[1] & SIZE, 2
        if size > SHORT:
            start = 4 if size == LONG else 10
            size = int.from_bytes(received[2:start], "big")
        if len(received) < start + size:
            return None
        text = received[0] & OPCODE == TEXT
        payload = bytes(received[start : start + size]) if text else b""
        del received[: start + size]
        return payload


class Answer(NamedTuple):
    """What came back to a form."""

    status: int
    body: bytes


class Counter(Line):
    """One kept connection for one form at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._answer: asyncio.Future[Answer] | None = None

    async def post(self, host: str, cookie: str, path: str, body: bytes) -> Answer:
        """Sends a form as htmx does. Raises ConnectionError where no answer comes."""
        if self.lost:
            raise ConnectionError("the connection has gone")
        self._answer = asyncio.get_running_loop().create_future()
        head = (
            f"POST {path} HTTP/1.1\r\nhost: {host}\r\norigin: http://{host}\r\nsec-fetch-site: same-origin\r\n"
            f"hx-request: true\r\ncookie: {cookie}\r\naccept: text/html\r\n"
            f"content-type: application/x-www-form-urlencoded\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        return await self._answer

    def advance(self) -> None:
        if self._answer is None or self._answer.done():
            return
        if self.lost:
            self._answer.set_exception(ConnectionError("the connection ended before the answer came"))
            return
        end = self.received.find(b"\r\n\r\n") + 4
        if end < 4:
            return
        length = LENGTH.search(self.received, 0, end)
        whole = end + (int(length[1]) if length else 0)
        if len(self.received) >= whole:
            answer = Answer(int(self.received[STATUS]), bytes(self.received[end:whole]))
            del self.received[:whole]
            self._answer.set_result(answer)
