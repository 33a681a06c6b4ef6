"""Real recordings, and how people post and hear them without scripts."""

import asyncio
import hashlib
import io
import re
import secrets
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import av
import httpx

from people import PATIENCE_S, Page, Person
from services import ObjectStore

SAMPLES = Path(__file__).resolve().parent / "samples"


class Sample(NamedTuple):
    """A recording, how long it really is, and as what it is kept."""

    name: str
    seconds: float
    suffix: str
    media_type: str

    @property
    def content(self) -> bytes:
        return (SAMPLES / self.name).read_bytes()


EVERY_SAMPLE = (
    Sample("chromium.webm", 6.0, "webm", "audio/webm"),
    Sample("chromium-timeslice.webm", 6.0, "webm", "audio/webm"),
    Sample("chromium-paused.webm", 6.0, "webm", "audio/webm"),
    Sample("chromium.mp4", 5.92, "m4a", "audio/mp4"),
    Sample("firefox-like.ogg", 7.642, "ogg", "audio/ogg"),
    Sample("fragmented.m4a", 7.686, "m4a", "audio/mp4"),
    Sample("phone.m4a", 7.663, "m4a", "audio/mp4"),
    Sample("voice.mp3", 7.642, "mp3", "audio/mpeg"),
    Sample("voice.wav", 7.642, "wav", "audio/wav"),
)
WEBM, PHONE, WAV = EVERY_SAMPLE[0], EVERY_SAMPLE[6], EVERY_SAMPLE[8]


async def speak(
    person: Person, talk: int, content: bytes, text: str = "", name: str = "voice.webm", key: str = "", **headers: str
) -> Page:
    """Posts a recording by the plain form."""
    fields = {"text": text, "key": key or secrets.token_urlsafe(16)}
    named = {header.replace("_", "-"): value for header, value in headers.items()}
    path = f"/conversations/{talk}/messages"
    return Page(await person.client.post(path, data=fields, files={"recording": (name, content)}, headers=named))


class Sending:
    """A voice message on its way: the same form, but sent piece by piece over a connection of its own."""

    def __init__(self, person: Person, talk: int, content: bytes, key: str, **headers: str) -> None:
        fields, files = {"text": "a caption", "key": key}, {"recording": ("voice.webm", content)}
        named = {"cookie": person.cookie, "origin": person.url}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        path = f"{person.url}/conversations/{talk}/messages"
        request = httpx.Request("POST", path, data=fields, files=files, headers=named)
        lines = [f"POST {request.url.path} HTTP/1.1", *(f"{name}: {value}" for name, value in request.headers.items())]
        self.body = request.read()
        self.before_file = self.body.index(content)
        self._head = "\r\n".join([*lines, "", ""]).encode()
        self._port = request.url.port or 80

    async def send(self, size: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Sends the first so many bytes of the body."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(self._head + self.body[:size])
        await writer.drain()
        return reader, writer


def sources(article: str) -> list[str]:
    """The addresses at which a message's recording can be heard, in their order."""
    return re.findall(r'<source src="([^"]+)"', article)


def decoded_seconds(content: bytes) -> float:
    with av.open(io.BytesIO(content), "r") as container:
        return sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))


def header_seconds(content: bytes) -> float:
    """What a player says before it has read everything."""
    with av.open(io.BytesIO(content), "r") as container:
        return (container.duration or 0) / 1_000_000


def packets(content: bytes) -> str:
    """A digest of the encoded sound, whatever stands around it."""
    digest = hashlib.sha256()
    with av.open(io.BytesIO(content), "r") as container:
        for packet in container.demux(audio=0):
            digest.update(bytes(packet))
    return digest.hexdigest()


def url_of(bucket: ObjectStore, endpoint: str = "") -> str:
    """What the setting says of a place in that object store."""
    given = f"endpoint={quote(endpoint or bucket.endpoint)}&region=us-east-1"
    return f"s3://{bucket.key}:{bucket.secret}@{bucket.bucket}/voices?{given}"


async def prepared(person: Person, talk: int) -> list[str]:
    """The articles of the conversation, once nothing in it is being prepared any more."""
    async with asyncio.timeout(4 * PATIENCE_S):
        while "Preparing" in (page := await person.get(f"/conversations/{talk}")).text:
            await asyncio.sleep(0.05)
    return page.articles
