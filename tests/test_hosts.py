"""Which addresses are ours, and that HEAD is answered like GET."""

import asyncio
import re
from urllib.parse import urlsplit

import pytest

from browsing import ON_SQLITE
from conftest import OpenHouse
from people import Person
from raw_page import ask

pytestmark = ON_SQLITE
STOP = "Connection: close\r\n\r\n"


async def statuses(url: str, hosts: list[str], path: str = "/sign-in") -> dict[str, int]:
    """The status that each Host header gets; one string may hold several lines, or none."""
    port = urlsplit(url).port or 0
    heads = [f"GET {path} HTTP/1.1\r\n{lines}{STOP}".encode("latin-1") for lines in hosts]
    answers = await asyncio.gather(*(ask(port, head) for head in heads))
    return {lines: int(answer.split(b" ", 2)[1]) for lines, answer in zip(hosts, answers, strict=True)}


async def test_without_a_base_address_this_machines_own_names_at_our_port_are_ours(house: str) -> None:
    port = urlsplit(house).port
    names = [f"localhost:{port}", f"LocalHost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}"]
    ours = [f"Host: {name}\r\n" for name in names]
    assert set((await statuses(house, ours)).values()) == {200}


async def test_every_other_host_is_refused_in_plain_words_that_repeat_nothing(house: str) -> None:
    port = urlsplit(house).port
    foreign = [
        "elsewhere.test", f"elsewhere.test:{port}", "localhost", "127.0.0.1", f"localhost:{port}0", "localhost:80",
        f"localhost:{port}:80", f"localhost.:{port}", f"x.localhost:{port}", f"localhost:{port}.elsewhere.test",
        f"elsewhere.test, localhost:{port}", f"user@localhost:{port}", f"localhost:0{port}", f"localhost:{port}/",
        f"127.1:{port}", f"2130706433:{port}", f"0.0.0.0:{port}", f"[::ffff:127.0.0.1]:{port}", "", " ", ":",
        f":{port}", f"<script>alert(1)</script>:{port}", "\xe9:1",
    ]  # fmt: skip
    answers = await statuses(house, [f"Host: {name}\r\n" for name in foreign])
    assert set(answers.values()) == {400}, answers
    shown = await ask(port or 0, f"GET / HTTP/1.1\r\nHost: reflected.test\r\n{STOP}".encode())
    assert b"reflected" not in shown
    assert b"text/plain" in shown
    assert b"\nlocation:" not in shown.lower()


async def test_a_host_is_named_once(house: str) -> None:
    host = f"Host: {urlsplit(house).netloc}\r\n"
    refused = [
        "",
        host + host,
        host + "Host: elsewhere.test\r\n",
        "Host: elsewhere.test\r\n" + host,
        "Host:\r\n" + host,
    ]
    assert set((await statuses(house, refused)).values()) == {400}


async def test_nobody_chooses_our_host_by_another_header(house: str) -> None:
    host = f"Host: {urlsplit(house).netloc}\r\n"
    for header in ("X-Forwarded-Host: elsewhere.test", "Forwarded: host=elsewhere.test", "X-Host: elsewhere.test"):
        answer = await ask(urlsplit(house).port or 0, f"GET / HTTP/1.1\r\n{host}{header}\r\n{STOP}".encode())
        assert answer.startswith(b"HTTP/1.1 303 ")
        assert b"elsewhere" not in answer


async def test_a_base_address_alone_is_ours_where_there_is_one(open_house: OpenHouse) -> None:
    url = await open_house(base_url="https://chat.example.org")
    ours = ["Host: chat.example.org\r\n", "Host: CHAT.example.org:443\r\n"]
    foreign = [
        "chat.example.org:80",
        "chat.example.org:8443",
        "example.org",
        "a.chat.example.org",
        urlsplit(url).netloc,
    ]
    assert set((await statuses(url, ours)).values()) == {200}
    assert set((await statuses(url, [f"Host: {name}\r\n" for name in foreign])).values()) == {400}


async def test_a_base_address_may_have_a_port(open_house: OpenHouse) -> None:
    url = await open_house(base_url="http://chat.example.org:8080")
    answers = await statuses(url, ["Host: chat.example.org:8080\r\n", "Host: chat.example.org\r\n"])
    assert list(answers.values()) == [200, 400]


@pytest.mark.parametrize(
    "path", ["/", "/settings", "/conversations/{talk}", "/nowhere", "/sign-in", "/healthz", "/{css}"]
)
async def test_head_is_get_without_its_body(ada: Person, talk: int, path: str, quiet_log: None) -> None:
    css = re.search(r'href="/(assets/app-[^"]+[.]css)', (await ada.get("/settings")).text)
    address = path.format(talk=talk, css=css and css[1])
    port = urlsplit(ada.url).port or 0
    rest = f"HTTP/1.1\r\nHost: {urlsplit(ada.url).netloc}\r\nCookie: {ada.cookie}\r\n{STOP}"
    get, head = [await ask(port, f"{method} {address} {rest}".encode()) for method in ("GET", "HEAD")]
    begin, _, body = get.partition(b"\r\n\r\n")
    assert undated(head.partition(b"\r\n\r\n")[0]) == undated(begin)
    assert head.endswith(b"\r\n\r\n")
    assert (len(body) > 0) != begin.startswith(b"HTTP/1.1 303 ")


def undated(head: bytes) -> bytes:
    return re.sub(rb"(?m)^date: .*$", b"", head)


async def test_head_changes_nothing(ada: Person, bo: Person, talk: int) -> None:
    await ada.say(talk, "unread until it is read")
    await bo.client.head(f"/conversations/{talk}")
    assert "1 <span" in (await bo.get("/")).text


async def test_one_thing_has_one_address(ada: Person, talk: int) -> None:
    await ada.say(talk, "hello")
    message = re.findall(r'id="message-(\d+)"', (await ada.get(f"/conversations/{talk}")).text)[0]
    digits = "".join(chr(0xFF10 + int(digit)) for digit in str(talk))
    port, host = urlsplit(ada.url).port or 0, urlsplit(ada.url).netloc
    spellings = [f"+{talk}", f"0{talk}", f"{talk}%0a", f"{talk}/", f"/{talk}", f"{talk}%2f", f"%3{talk}", f"{talk}%20",
                 f"%20{talk}", f"{talk}.0", f"{talk}_0", f"0x{talk}", f"{talk};a", f"-{talk}", "0", "", "%00",
                 f"{talk}%00", f"./{talk}", f"../conversations/{talk}", f"{talk}//", "9" * 19, "9" * 400,
                 "".join(f"%{byte:02X}" for byte in digits.encode())]  # fmt: skip
    paths = [f"/{kind}/{spelling}" for spelling in spellings for kind in ("conversations", "messages")]
    paths += [f"//conversations/{talk}", f"/messages//{message}/edit", f"/messages/{message}/edit/", "/settings/", "//"]
    paths += ["/Settings", "/sett%69ngs", "/%73ettings", "/settings%2Fsessions", "/./settings"]
    for path in paths:
        head = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: {ada.cookie}\r\n{STOP}"
        answer = await ask(port, head.encode())
        assert answer.startswith(b"HTTP/1.1 404 "), path
