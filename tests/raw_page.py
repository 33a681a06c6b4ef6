"""A page's end of a socket, byte by byte, so that it can also break every rule."""

import asyncio
import os
from typing import Protocol, Self, runtime_checkable

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
PATIENCE_S = 10.0


def masked(opcode: int, payload: bytes, *, final: bool = True, reserved: int = 0) -> bytes:
    """One frame as a browser sends it."""
    length, mask = len(payload), os.urandom(4)
    first = bytes((final << 7 | reserved << 4 | opcode,))
    if length < 126:
        size = bytes((0x80 | length,))
    elif length < 1 << 16:
        size = b"\xfe" + length.to_bytes(2, "big")
    else:
        size = b"\xff" + length.to_bytes(8, "big")
    return first + size + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def request(path: str, **changes: str | None) -> bytes:
    """A handshake's head; `changes` replace headers by name (`_` for `-`), None leaves one out."""
    headers: dict[str, str | None] = {
        "host": "parlour.test",
        "connection": "Upgrade",
        "upgrade": "websocket",
        "origin": "http://parlour.test",
        "sec-websocket-version": "13",
        "sec-websocket-key": KEY,
    }
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode()


async def ask(port: int, head: bytes) -> bytes:
    """What the server answers to some bytes, until it ends the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head)
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await reader.read()
    finally:
        writer.close()


@runtime_checkable
class ReadingHalf(Protocol):
    """What a page needs to take nothing for a while."""

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...


def reading_half(writer: asyncio.StreamWriter) -> ReadingHalf:
    """The other half of the connection that `writer` writes to."""
    transport: object = writer.transport
    assert isinstance(transport, ReadingHalf)
    return transport


class Page:
    """An open socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.reading = reading_half(writer)

    @classmethod
    async def open(cls, port: int, path: str, behind: bytes = b"", **changes: str) -> Self:
        """Shakes hands at `path`, with other headers by name; `behind` is sent in the same go."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(path, **changes) + behind)
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101 "), answer
        assert b"sec-websocket-extensions" not in answer.lower()
        return cls(reader, writer)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    def say(self, text: str) -> None:
        self.writer.write(masked(TEXT, text.encode()))

    def doze(self) -> None:
        """Takes nothing any more, as a sleeping laptop does."""
        self.reading.pause_reading()

    def wake(self) -> None:
        """Takes what has waited, and goes on."""
        self.reading.resume_reading()

    async def hear(self) -> tuple[int, bytes]:
        """The next frame: its opcode and its payload."""
        async with asyncio.timeout(PATIENCE_S):
            first, second = await self.reader.readexactly(2)
            assert not second & 0x80, "a server does not mask"
            length = second
            if second >= 126:
                length = int.from_bytes(await self.reader.readexactly(2 if second == 126 else 8), "big")
            return first & 0x0F, await self.reader.readexactly(length)

    async def last_words(self) -> tuple[int, str]:
        """Close code and reason; everything before is passed over."""
        while True:
            opcode, payload = await self.hear()
            if opcode == CLOSE:
                return int.from_bytes(payload[:2], "big"), payload[2:].decode()

    async def end(self) -> None:
        """Waits until the server has ended TCP too."""
        async with asyncio.timeout(PATIENCE_S):
            assert await self.reader.read() == b""
