"""The server's limits and its end, over real connections."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from types import ModuleType

import pytest
import pytest_asyncio
from litestar import Litestar, Request, get, post
from litestar.datastructures import State
from litestar.response import Stream

from parlour import http_limits, serving
from parlour.serving import Server, make_server
from raw_page import PATIENCE_S, ask, reading_half
from running import running

KIB = 1024
STOP = b"Host: parlour.test\r\nConnection: close\r\n\r\n"

closing_down = asyncio.Event()


@get("/")
async def greet(request: Request[None, None, State]) -> str:
    return f"hello {request.client.host if request.client else None}, {request.url.scheme}"


@post("/")
async def weigh(request: Request[None, None, State]) -> str:
    return f"{len(await request.body())} bytes, {len(request.headers)} headers"


@get("/endless")
async def go_on() -> Stream:
    return Stream(until_the_end)


async def until_the_end() -> AsyncIterator[bytes]:
    yield b"first"
    await closing_down.wait()
    yield b"last"


@get("/huge")
async def pour() -> bytes:
    return b"x" * (30 * KIB * KIB)


def a_server(*trusted_proxies: str, sock: socket.socket | None = None) -> Server:
    closing_down.clear()
    return make_server(
        Litestar([greet, weigh, go_on, pour]),
        host="127.0.0.1",
        port=0,
        trusted_proxies=trusted_proxies,
        listeners=[sock] if sock else [],
        on_shutdown=closing_down.set,
    )


@pytest_asyncio.fixture
async def port(caplog: pytest.LogCaptureFixture) -> AsyncIterator[int]:
    caplog.set_level(logging.WARNING)
    server = a_server()
    async with running(server):
        yield server.port
    assert not caplog.records


async def test_an_answer_has_a_date_and_no_server(port: int) -> None:
    head = (await ask(port, b"GET / HTTP/1.1\r\n" + STOP)).lower()
    assert head.startswith(b"http/1.1 200 ")
    assert b"\r\ndate: " in head
    assert b"\r\nserver:" not in head


REFUSED = {
    "garbage": (b"\x16\x03\x01\x02\x00 hello\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
    "a whole address": (b"GET http://elsewhere.test/ HTTP/1.1\r\n" + STOP, 400),
    "a tunnel": (b"CONNECT elsewhere.test:80 HTTP/1.1\r\n" + STOP, 400),
    "an asterisk": (b"OPTIONS * HTTP/1.1\r\n" + STOP, 400),
    "a fragment": (b"GET /#top HTTP/1.1\r\n" + STOP, 400),
    "bytes in the path": (b"GET /caf\xe9 HTTP/1.1\r\n" + STOP, 400),
    "two lengths": (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n" + STOP, 400),
    "a length and pieces": (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n" + STOP, 400),
    "broken pieces": (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + STOP + b"5\r\nhello\r\nZZ\r\n", 400),
    "one header of 33 KiB": (b"GET / HTTP/1.1\r\nX: " + b"x" * (33 * KIB) + b"\r\n" + STOP, 431),
    "a header of 8 MiB": (b"GET / HTTP/1.1\r\nX: " + b"x" * (8 * KIB * KIB) + b"\r\n" + STOP, 431),
    "thousands of headers": (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 6000 + STOP, 431),
    "an address of 33 KiB": (b"GET /" + b"x" * (33 * KIB) + b" HTTP/1.1\r\n" + STOP, 431),
    "an endless trailer": (
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + STOP + b"1\r\nx\r\n0\r\n" + b"a: b\r\n" * 400_000,
        431,
    ),
}


@pytest.mark.parametrize(("sent", "status"), REFUSED.values(), ids=REFUSED.keys())
async def test_what_is_no_fair_request_is_refused_in_one_plain_sentence(port: int, sent: bytes, status: int) -> None:
    head, _, body = (await ask(port, sent)).partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    assert lines[0].startswith(f"http/1.1 {status} ".encode())
    assert b"content-type: text/plain; charset=utf-8" in lines
    assert b"content-length: %d" % len(body) in lines
    assert b"connection: close" in lines
    assert b"x-content-type-options: nosniff" in lines
    assert body.endswith(b".")


async def test_a_head_just_below_the_limit_passes_also_in_small_pieces(port: int) -> None:
    head = b"GET / HTTP/1.1\r\nX: " + b"x" * (31 * KIB) + b"\r\n" + STOP
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for start in range(0, len(head), 1000):
        writer.write(head[start : start + 1000])
        await writer.drain()
    assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
    writer.close()


async def test_trailers_behind_a_body_in_pieces_are_nobodys_headers(port: int) -> None:
    pieces = b"3\r\nabc\r\n2\r\nde\r\n0\r\nHost: elsewhere.test\r\n\r\n"
    answer = await ask(port, b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + STOP + pieces)
    assert answer.endswith(b"5 bytes, 3 headers")


async def test_a_large_body_in_many_pieces_is_no_large_head(port: int) -> None:
    pieces = b"1\r\nx\r\n" * 100_000 + b"0\r\n\r\n"
    answer = await ask(port, b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + STOP + pieces)
    assert answer.endswith(b"100000 bytes, 3 headers")


async def test_two_requests_at_once_get_both_answers_and_a_broken_third_none(port: int) -> None:
    both = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 2
    answer = await ask(port, both + b"garbage\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 ") >= 1
    assert b"HTTP/1.1 400 " not in answer


async def test_an_upgrade_that_nobody_speaks_is_a_plain_request(port: int) -> None:
    answer = await ask(port, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_slow_headers_are_408(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_limits, "HEAD_WAIT_S", 0.2)
    for begun in (b"G", b"\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX: "):
        assert (await ask(port, begun)).startswith(b"HTTP/1.1 408 ")


async def test_the_headers_of_a_second_request_are_timed_as_well(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_limits, "HEAD_WAIT_S", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    first = await reader.readuntil(b", http")
    writer.write(b"GET / HTTP/1.1\r\n")
    async with asyncio.timeout(PATIENCE_S):
        second = await reader.read()
    assert first.startswith(b"HTTP/1.1 200 ")
    assert second.startswith(b"HTTP/1.1 408 ")
    writer.close()


async def test_a_connection_that_says_nothing_is_closed_without_a_word(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_limits, "FIRST_BYTE_WAIT_S", 0.2)
    assert await ask(port, b"") == b""


@pytest.mark.parametrize("limit", [(http_limits, "READER_WAIT_S"), (serving, "CUT_S")], ids=["at work", "at the end"])
async def test_a_reader_who_takes_nothing_is_let_go_and_holds_up_no_stop(
    limit: tuple[ModuleType, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(*limit, 0.2)
    server = a_server()
    async with asyncio.timeout(3):
        async with running(server):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"GET /huge HTTP/1.1\r\n" + STOP)
            await reader.readuntil(b"\r\n\r\n")
            reading_half(writer).pause_reading()
        writer.close()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_only_a_trusted_proxy_may_say_for_whom_it_asks() -> None:
    forwarded = b"GET / HTTP/1.1\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n" + STOP
    for trusted, seen in (((), b"hello 127.0.0.1, http"), (("127.0.0.1",), b"hello 203.0.113.9, https")):
        server = a_server(*trusted)
        async with running(server):
            assert (await ask(server.port, forwarded)).endswith(seen)


async def test_an_endless_answer_hears_that_the_server_stops_and_ends_properly() -> None:
    server = a_server()
    async with asyncio.timeout(3):
        async with running(server):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
            await reader.readuntil(b"first")
        assert (await reader.read()).endswith(b"last\r\n0\r\n\r\n")
        writer.close()


async def test_the_server_listens_where_it_is_told_by_a_socket_of_ours() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    server = a_server(sock=listener)
    async with running(server):
        assert server.port == listener.getsockname()[1]
        assert (await ask(server.port, b"GET / HTTP/1.1\r\n" + STOP)).startswith(b"HTTP/1.1 200 ")
