"""A push service of the tests' own, and browsers that it reaches: what arrives is checked and decrypted here."""

import asyncio
import base64
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from people import Person

PUSHED_WITHIN_S = 15
CURVE = ec.SECP256R1()

Told = dict[str, object]


class Pushed(NamedTuple):
    """A request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes


class Browser:
    """What a browser keeps to itself of a subscription."""

    def __init__(self, key: ec.EllipticCurvePrivateKey | None = None, auth: bytes | None = None) -> None:
        self._key = key or ec.generate_private_key(CURVE)
        self.auth = auth or os.urandom(16)
        self.public = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def decrypt(self, body: bytes) -> bytes:
        """The text of a push, by the letter of RFC 8291 and RFC 8188; one record."""
        salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        assert len(body) <= 4096 <= size
        sender, record = body[21 : 21 + length], body[21 + length :]
        shared = self._key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, sender))
        secret = HKDF(SHA256(), 32, self.auth, b"WebPush: info\x00" + self.public + sender).derive(shared)
        key = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\x00").derive(secret)
        nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\x00").derive(secret)
        text = AESGCM(key).decrypt(nonce, record, None).rstrip(b"\0")
        assert text.endswith(b"\x02")
        return text[:-1]

    async def subscribe(self, person: Person, endpoint: str) -> None:
        """Turns notifications on for the session of that person."""
        fields = {"endpoint": endpoint, "p256dh": encode(self.public), "auth": encode(self.auth)}
        answer = await person.post("/settings/notifications/on", fields)
        assert answer.status == 303, answer.alert


class PushService:
    """Takes pushes; a path may be told to answer otherwise, or not at all."""

    def __init__(self) -> None:
        self.port = 0
        self.answers: dict[str, int] = {}
        self.silent: set[str] = set()
        self.asked: dict[str, int] = {}
        self._arrived: dict[str, asyncio.Queue[Pushed]] = {}

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def endpoint(self, path: str) -> str:
        return f"http://{self.host}{path}"

    async def receive(self, path: str) -> Pushed:
        """The next push to that path."""
        async with asyncio.timeout(PUSHED_WITHIN_S):
            return await self._queue(path).get()

    def has_none(self, path: str) -> bool:
        return self._queue(path).empty()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                pushed = await self._read(line, reader)
                self.asked[pushed.path] = self.asked.get(pushed.path, 0) + 1
                if pushed.path in self.silent:
                    await reader.read()
                    return
                status = self.answers.get(pushed.path, 201)
                if status < 300:
                    await self._queue(pushed.path).put(pushed)
                writer.write(f"HTTP/1.1 {status} x\r\nlocation: {self.endpoint('/elsewhere')}\r\n".encode())
                writer.write(b"content-length: 0\r\n\r\n")
                await writer.drain()
        finally:
            writer.close()

    async def _read(self, line: bytes, reader: asyncio.StreamReader) -> Pushed:
        method, path, _ = line.decode().split()
        assert method == "POST"
        headers: dict[str, str] = {}
        while (line := await reader.readline()).strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return Pushed(path, headers, await reader.readexactly(int(headers["content-length"])))

    def _queue(self, path: str) -> "asyncio.Queue[Pushed]":
        return self._arrived.setdefault(path, asyncio.Queue())


@asynccontextmanager
async def push_service() -> AsyncIterator[PushService]:
    service = PushService()
    async with await asyncio.start_server(service.answer, "127.0.0.1", 0) as server:
        service.port = server.sockets[0].getsockname()[1]
        yield service


def read_notice(browser: Browser, pushed: Pushed) -> Told:
    """What the service worker of that browser is told."""
    told: Told = json.loads(browser.decrypt(pushed.body))
    return told


def check_vapid(pushed: Pushed, audience: str) -> None:
    """The signature fits the key that is named, and what is signed is meant for this service and not for long."""
    scheme, _, rest = pushed.headers["authorization"].partition(" ")
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    assert scheme.lower() == "vapid"
    said, _, signature = parts["t"].rpartition(".")
    header, claims = (json.loads(decode(part)) for part in said.split("."))
    number = decode(signature)
    assert len(number) == 64
    key = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, decode(parts["k"]))
    pair = encode_dss_signature(int.from_bytes(number[:32], "big"), int.from_bytes(number[32:], "big"))
    key.verify(pair, said.encode(), ec.ECDSA(SHA256()))
    assert header == {"typ": "JWT", "alg": "ES256"}
    assert claims["aud"] == audience
    assert time.time() < claims["exp"] <= time.time() + 86_400
    assert claims["sub"].startswith(("mailto:", "https:"))


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
