"""Who may open a socket, and what those hear who may not."""

import re
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import connect
from websockets.typing import Origin

from browsing import ON_SQLITE
from listening import end_of, say_hello
from people import Person
from raw_page import ask, request

pytestmark = [ON_SQLITE, pytest.mark.usefixtures("quiet_log")]

FOREIGN = "http://elsewhere.test"


async def handshake(person: Person, path: str, **changes: str | None) -> bytes:
    """The answer to a handshake that is refused."""
    parts = urlsplit(person.url)
    headers: dict[str, str | None] = {"host": parts.netloc, "origin": person.url, "cookie": person.cookie}
    return await ask(parts.port or 0, request(path, **headers | changes))


async def test_only_a_page_of_ours_opens_a_socket(ada: Person, talk: int) -> None:
    port = urlsplit(ada.url).port
    foreign = [None, "null", "", FOREIGN, "http://127.0.0.1", f"http://127.0.0.1:{port}0", f"https://127.0.0.1:{port}",
               f"http://127.0.0.1:{port}.elsewhere.test", f"http://x.localhost:{port}", f"{ada.url}/",
               f"{ada.url} {FOREIGN}", f"http://user@127.0.0.1:{port}", "file://", "http://[::1]",
               "\u00e9"]  # fmt: skip
    for path in ("/live", f"/live?conversation={talk}"):
        for origin in foreign:
            answer = await handshake(ada, path, origin=origin)
            assert answer.startswith(b"HTTP/1.1 403 "), origin
            assert answer.endswith(b".\n")
    for first, second in ((ada.url, FOREIGN), (FOREIGN, ada.url), (ada.url, ada.url)):
        answer = await handshake(ada, "/live", origin=f"{first}\r\nOrigin: {second}")
        assert answer[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 403")
    for host in ("elsewhere.test", f"localhost:{port}\r\nHost: localhost:{port}"):
        assert (await handshake(ada, "/live", host=host)).startswith(b"HTTP/1.1 400 ")


async def test_a_conversation_that_is_not_ones_own_is_not_there(ada: Person, cy: Person, talk: int) -> None:
    missing = undated(await handshake(cy, "/live?conversation=999"))
    assert missing.startswith(b"HTTP/1.1 404 ")
    assert undated(await handshake(cy, f"/live?conversation={talk}")) == missing
    for odd in (
        "",
        "x",
        f"0{talk}",
        f"%2b{talk}",
        f"+{talk}",
        f"{talk}%0a",
        f"{talk}/",
        "%00",
        "%ff",
        "9" * 30,
        "-1",
        "0",
    ):
        assert undated(await handshake(ada, f"/live?conversation={odd}")) == missing, odd
    for path in ("/live/", "//live", "/liv%65", "/Live", f"/conversations/{talk}", "/nowhere", "/sign-in"):
        assert (await handshake(ada, path))[:12] in (b"HTTP/1.1 404", b"HTTP/1.1 403"), path


def undated(answer: bytes) -> bytes:
    return re.sub(rb"(?mi)^date: .*\r\n", b"", answer)


async def test_whoever_is_signed_out_is_told_so_and_nothing_else(ada: Person, bo: Person, talk: int) -> None:
    await bo.say(talk, "not for everybody")
    for cookie in ("", "session=", "session=forged.signature", f"session={ada.client.cookies['session'][:-3]}xxx"):
        for path in ("/live", f"/live?conversation={talk}", "/live?conversation=999"):
            url = ada.url.replace("http", "ws", 1) + path
            async with connect(url, origin=Origin(ada.url), additional_headers={"cookie": cookie}) as socket:
                await bo.say(talk, "still not")
                heard, code = await end_of(socket)
                assert code == 1008
                assert len(heard) == 1
                assert "signed out" in heard[0]


async def test_nothing_is_ever_compressed(ada: Person, talk: int) -> None:
    url = ada.url.replace("http", "ws", 1) + f"/live?conversation={talk}"
    headers = {"cookie": ada.cookie}
    async with connect(url, origin=Origin(ada.url), additional_headers=headers, compression="deflate") as socket:
        assert socket.response
        assert "sec-websocket-extensions" not in socket.response.headers
        await ada.say(talk, "z" * 5_000)
        await say_hello(socket)
