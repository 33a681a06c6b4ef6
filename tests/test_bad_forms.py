"""Forms that nobody should send: each gets its status and one sentence, and loses nothing that was typed."""

import asyncio
import itertools
import random
import re
from collections.abc import AsyncIterator
from urllib.parse import urlencode, urlsplit

import httpx
import pytest

from browsing import ON_SQLITE
from parlour import forms
from people import TRUSTED, Page, Person
from refusals import check_refusal, count_articles

pytestmark = pytest.mark.usefixtures("quiet_log")

KEY = "0123456789abcdef"
KIB = 1024
URLENCODED = {"content-type": "application/x-www-form-urlencoded"}


REFUSED_TEXTS = {
    "nothing": "",
    "blanks": " \t\r\n ",
    "nothing that can be seen": "\u200b\u2060\u00ad",
    "one character too many": "x" * 10_001,
    "one emoji too many": "\U0001f600" * 10_001,
    "NUL": "before\0after",
    "NUL alone": "\0",
}


async def test_a_text_that_is_no_message_is_back_in_the_composer(ada: Person, talk: int) -> None:
    path = f"/conversations/{talk}/messages"
    for (why, text), hx in itertools.product(REFUSED_TEXTS.items(), ("true", "false")):
        page = await ada.post(path, {"text": text, "key": KEY}, hx_request=hx)
        assert page.text.count('role="alert"') == 1, why
        check_refusal(page, 422, path, text=text)
        assert re.fullmatch("[A-Za-z0-9_-]{16,64}", page.form(path).fields["key"])
    assert await count_articles(ada, talk) == 0


async def test_the_longest_text_passes_however_many_bytes_it_takes(ada: Person, talk: int) -> None:
    for text in ("\U0001f600" * 10_000, "y\r\n" * 5_000, "x" * 10_000):
        assert (await ada.say(talk, text)).status == 303
    assert await count_articles(ada, talk) == 3


async def test_a_form_that_lost_its_key_gets_a_new_one_and_keeps_its_text(ada: Person, talk: int) -> None:
    path = f"/conversations/{talk}/messages"
    odd = ["", "a" * 15, "a" * 65, "a" * 15 + " ", "a" * 16 + "\n", "a" * 15 + "é", "a" * 15 + "'", "１" * 16]
    for fields in ({}, *({"key": key} for key in odd)):
        page = await ada.post(path, {"text": "hello"} | fields)
        check_refusal(page, 422, path, text="hello")
    assert await count_articles(ada, talk) == 0
    assert (await ada.post(path, page.form(path).fields)).status == 303


NO_UTF8 = {
    "escaped": (b"key=0123456789abcdef&text=caf%e9+au+lait", URLENCODED),
    "bare": (b"key=0123456789abcdef&text=caf\xe9 au lait", URLENCODED),
    "cut off": (b"key=0123456789abcdef&text=caf%c3+au+lait", URLENCODED),
    "in multipart": (
        b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\ncaf\xe9 au lait\r\n--b--\r\n',
        {"content-type": "multipart/form-data; boundary=b"},
    ),
}


async def test_bytes_that_are_no_text_are_refused_and_the_rest_is_kept(ada: Person, talk: int) -> None:
    for body, headers in NO_UTF8.values():
        for path in (f"/conversations/{talk}/messages", "/sign-up", "/sign-in", "/conversations"):
            page = Page(await ada.client.post(path, content=body, headers=headers))
            check_refusal(page, 422)
            if path.endswith("messages"):
                check_refusal(page, 422, path, text="caf\ufffd au lait")


NO_FORMS = {
    "JSON": ("application/json", b'{"text": "hello", "key": "0123456789abcdef"}', 415),
    "plain text": ("text/plain", b"text=hello&key=0123456789abcdef", 415),
    "bytes": ("application/octet-stream", b"\0\1\2", 415),
    "XML": ("application/xml", b"<text>hello</text>", 415),
    "no type": ("", b"text=hello&key=0123456789abcdef", 415),
    "a broken type": (";;;=", b"text=hello", 415),
    "multipart without a boundary": ("multipart/form-data", b"--b\r\n", 400),
    "multipart with another boundary": ("multipart/form-data; boundary=a", b"--b\r\n\r\n--b--\r\n", 400),
    "multipart that ends early": (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\nhello',
        400,
    ),
    "multipart of nothing": ("multipart/form-data; boundary=b", b"", 400),
    "multipart without names": ("multipart/form-data; boundary=b", b"--b\r\nX: y\r\n\r\nhello\r\n--b--\r\n", 400),
    "a thousand fields": ("application/x-www-form-urlencoded", b"&".join([b"a=b"] * 1000), 400),
    "a thousand parts": (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n' * 1000 + b"--b--\r\n",
        400,
    ),
}


@ON_SQLITE
async def test_a_body_that_is_no_form_is_told_so(ada: Person, talk: int) -> None:
    for kind, body, status in NO_FORMS.values():
        headers = {"content-type": kind} if kind else {}
        for path in (f"/conversations/{talk}/messages", "/sign-in", "/conversations", "/sign-out"):
            check_refusal(Page(await ada.client.post(path, content=body, headers=headers)), status)
    assert await count_articles(ada, talk) == 0
    assert (await ada.get("/settings")).status == 200


@ON_SQLITE
async def test_a_form_may_also_come_as_multipart(ada: Person, talk: int) -> None:
    path, key = f"/conversations/{talk}/messages", {"key": (None, KEY.encode())}
    assert (await ada.client.post(path, files=key | {"text": (None, b"hello")})).status_code == 303
    check_refusal(Page(await ada.client.post(path, files=key | {"text": ("text.txt", b"hello")})), 422)


async def test_doubled_fields_are_taken_once(ada: Person, talk: int) -> None:
    path = f"/conversations/{talk}/messages"
    body = f"key={KEY}&text=first&text=second".encode()
    assert (await ada.client.post(path, content=body, headers=URLENCODED)).status_code == 303
    page = await ada.get(f"/conversations/{talk}")
    assert len(page.articles) == 1
    assert "second" in page.articles[0]


async def in_pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 64 * KIB):
        yield body[start : start + 64 * KIB]


@ON_SQLITE
async def test_a_body_above_the_limit_is_refused_whether_it_says_so_or_not(ada: Person, talk: int) -> None:
    for size in (256 * KIB + 1, 7 * KIB * KIB):
        body = b"text=" + b"x" * (size - 5)
        for content in (body, in_pieces(body)):
            answer = await ada.client.post(f"/conversations/{talk}/messages", content=content, headers=URLENCODED)
            check_refusal(Page(answer), 413, f"/conversations/{talk}/messages", text="")
    # So much more is not even read, and whoever goes on sending may be cut off.
    head = f"POST /sign-in HTTP/1.1\r\nHost: {urlsplit(ada.url).netloc}\r\nContent-Length: {9 * KIB * KIB}\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(ada.url).port or 0)
    writer.write(head.encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
    writer.close()
    just = urlencode({"key": KEY, "text": "hello", "more": ""}).encode()
    answer = await ada.client.post(
        f"/conversations/{talk}/messages", content=just + b"x" * (256 * KIB - len(just)), headers=URLENCODED
    )
    assert answer.status_code == 303
    assert await count_articles(ada, talk) == 1


@ON_SQLITE
async def test_a_slow_body_is_408(ada: Person, talk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "CHUNK_WAIT_S", 0.2)
    monkeypatch.setattr(forms, "BODY_WAIT_S", 0.6)
    port, host = urlsplit(ada.url).port or 0, urlsplit(ada.url).netloc
    head = (
        f"POST /conversations/{talk}/messages HTTP/1.1\r\nHost: {host}\r\nOrigin: {ada.url}\r\nCookie: {ada.cookie}\r\n"
    )
    head += "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\n"
    for body in (b"", b"text=hello"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.encode() + body)
        assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
        writer.close()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head.encode())
    answer = asyncio.create_task(reader.readline())
    while not answer.done():  # a byte now and then is too slow as well
        writer.write(b"x")
        await asyncio.wait({answer}, timeout=0.05)
    assert answer.result().startswith(b"HTTP/1.1 408 ")
    writer.close()
    assert await count_articles(ada, talk) == 0


@ON_SQLITE
async def test_a_body_that_breaks_off_is_nobodys_trouble(ada: Person, talk: int) -> None:
    port, host = urlsplit(ada.url).port or 0, urlsplit(ada.url).netloc
    head = (
        f"POST /conversations/{talk}/messages HTTP/1.1\r\nHost: {host}\r\nOrigin: {ada.url}\r\nCookie: {ada.cookie}\r\n"
    )
    for rest in ("Content-Length: 1000\r\n\r\ntext", "Transfer-Encoding: chunked\r\n\r\n4\r\ntext\r\n"):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write((head + "Content-Type: application/x-www-form-urlencoded\r\n" + rest).encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    assert await count_articles(ada, talk) == 0


async def test_an_edit_that_is_refused_keeps_its_text(ada: Person, talk: int) -> None:
    await ada.say(talk, "as it was")
    message = re.findall(r'id="message-(\d+)"', (await ada.get(f"/conversations/{talk}")).text)[0]
    path = f"/messages/{message}/edit"
    for text in REFUSED_TEXTS.values():
        for how in ({}, {"hx_request": "true"}):
            check_refusal(await ada.post(path, {"text": text, "after": "1"}, **how), 422, path, text=text)
    broken = await ada.client.post(path, content=b"text=caf%e9", headers=URLENCODED)
    check_refusal(Page(broken), 422, path, text="caf\ufffd")
    foreign = await ada.client.post(path, data={"text": "mine"}, headers={"origin": "null"})
    check_refusal(Page(foreign), 403, path, text="mine")
    for after in ("", "-1", "x", "9" * 400):
        assert (await ada.post(path, {"text": f"now {after[:5]}", "after": after}, hx_request="true")).status == 200
    assert await count_articles(ada, talk) == 1


@ON_SQLITE
@pytest.mark.parametrize(
    "said", [{"origin": "null"}, {"sec-fetch-site": "cross-site"}, {}], ids=["null", "cross", "stale"]
)
async def test_a_form_that_is_not_ours_keeps_its_text_too(ada: Person, talk: int, said: dict[str, str]) -> None:
    path = f"/conversations/{talk}/messages"
    async with httpx.AsyncClient(base_url=ada.url, cookies=ada.client.cookies, headers=said, verify=TRUSTED) as browser:
        page = Page(await browser.post(path, data={"text": "do not lose me", "key": KEY, "token": "stale"}))
        check_refusal(page, 403, path, text="do not lose me")
        people = Page(await browser.post("/conversations", data={"username": "Bo"}))
        check_refusal(people, 403)
        assert 'value="Bo"' in people.text
    async with Person(ada.url) as stranger:
        page = Page(await stranger.client.post("/sign-in", data={"username": "Ada"}, headers={"origin": "null"}))
        check_refusal(page, 403, "/sign-in", username="Ada", password="")


def shuffled(random_bytes: random.Random) -> tuple[bytes, str]:
    """A body that is nearly a form, and what it says it is."""
    parts = [b"text=", b"hello", b"&key=0123456789abcdef", b"%", b"%zz", b"%00", b"\0", b"\xff", b"=", b"&", b";", b"+",
             b"--b\r\n", b"--b--", b"--", b"\r\n", b"\r\n\r\n", b'name="',
             b'Content-Disposition: form-data; name="text"',
             b"; filename*=UTF-8''%ff", b"Content-Type: text/plain; charset=utf-16", b"Content-Length: -1", b"{}", b'"',
             random_bytes.randbytes(8)]  # fmt: skip
    kinds = ["application/x-www-form-urlencoded", "multipart/form-data; boundary=b", 'multipart/form-data; boundary="b',
             "multipart/form-data; boundary=" + "b" * 500, "multipart/form-data; boundary*=utf-8''%ff", "\xe9/\xff; b",
             "application/x-www-form-urlencoded; charset=utf-7", "multipart/mixed; boundary=b", ""]  # fmt: skip
    return b"".join(random_bytes.choices(parts, k=random_bytes.randint(0, 12))), random_bytes.choice(kinds)


async def test_whatever_bytes_come_in_a_form_they_are_answered(ada: Person, talk: int) -> None:
    some = random.Random(20261124)
    paths = [f"/conversations/{talk}/messages", f"/conversations/{talk}/read", "/conversations", "/sign-in", "/sign-up"]
    for _ in range(400):
        body, kind = shuffled(some)
        headers = [(b"content-type", kind.encode("latin-1"))] if kind else []
        answer = await ada.client.post(some.choice(paths), content=body, headers=headers)
        assert answer.status_code in {200, 303, 400, 401, 409, 415, 422}, (body, kind)
