"""The wire to one page, over real connections."""

import logging
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from parlour.live import wire_frames, wire_line
from parlour.live.wire import text_frame
from raw_page import BINARY, CLOSE, PING, PONG, TEXT, Page, ask, masked, request
from wire_room import Room, a_room

KIB = 1024


@pytest_asyncio.fixture
async def room(caplog: pytest.LogCaptureFixture) -> AsyncIterator[Room]:
    caplog.set_level(logging.WARNING)
    async with a_room() as room:
        yield room


async def test_what_is_said_comes_back_whole_in_pieces_and_around_a_ping(room: Room) -> None:
    async with await Page.open(room.port, "/echo") as page:
        page.say("hello")
        assert await page.hear() == (TEXT, b"hello")
        euro = "€".encode()  # cut inside the character
        page.writer.write(masked(TEXT, b"a" + euro[:1], final=False))
        page.writer.write(masked(PING, b"still there?"))
        page.writer.write(masked(0, b"", final=False) + masked(0, euro[1:] + b"b"))
        assert await page.hear() == (PONG, b"still there?")
        assert await page.hear() == (TEXT, "a€b".encode())


async def test_the_largest_message_passes_whole_or_in_fragments(room: Room) -> None:
    largest = b"x" * (64 * KIB)
    async with await Page.open(room.port, "/echo") as page:
        page.writer.write(masked(TEXT, largest))
        assert await page.hear() == (TEXT, largest)
        page.writer.write(masked(TEXT, largest[:-1], final=False) + masked(0, b"x"))
        assert await page.hear() == (TEXT, largest)


@given(texts=st.lists(st.text(max_size=300), max_size=5), cuts=st.lists(st.integers(1, 200), min_size=1))
def test_frames_are_the_same_wherever_the_network_cuts_them(texts: list[str], cuts: list[int]) -> None:
    stream, received, taken = b"".join(masked(TEXT, text.encode()) for text in texts), bytearray(), []
    while stream:
        cut = cuts[len(stream) % len(cuts)]
        received += stream[:cut]
        stream = stream[cut:]
        while frame := wire_frames.take_frame(received):
            taken.append(frame.payload.decode())
    assert taken == texts
    assert not received


async def test_every_ping_has_its_pong_and_a_pong_nobody_asked_for_is_ignored(room: Room) -> None:
    async with await Page.open(room.port, "/echo") as page:
        page.writer.write(masked(PONG, b"unasked") + masked(PING, b"1") + masked(PING, b"2" * 125))
        assert await page.hear() == (PONG, b"1")
        assert await page.hear() == (PONG, b"2" * 125)


async def test_bytes_reach_the_application_which_closes_with_1003(room: Room) -> None:
    async with await Page.open(room.port, "/echo") as page:
        page.writer.write(masked(BINARY, b"\x00\xff\x00"))
        assert await page.last_words() == (1003, "3 bytes of no text")


async def test_words_right_behind_the_handshake_are_heard(room: Room) -> None:
    async with await Page.open(room.port, "/echo", behind=masked(TEXT, b"early")) as page:
        assert await page.hear() == (TEXT, b"early")


BROKEN = {
    "no mask": (b"\x81\x02hi", 1002),
    "a reserved bit": (masked(TEXT, b"hi", reserved=4), 1002),
    "an unknown opcode": (masked(3, b"hi"), 1002),
    "an unknown control opcode": (masked(11, b"hi"), 1002),
    "a ping in fragments": (masked(PING, b"hi", final=False), 1002),
    "a long ping": (masked(PING, b"x" * 126), 1002),
    "a continuation of nothing": (masked(0, b"hi"), 1002),
    "a message inside another": (masked(TEXT, b"a", final=False) + masked(TEXT, b"b"), 1002),
    "an announced 64 KiB and one": (b"\x81\xff" + (64 * KIB + 1).to_bytes(8, "big"), 1009),
    "an announced 17 MiB": (b"\x81\xff" + (17 * KIB * KIB).to_bytes(8, "big") + b"x" * (300 * KIB), 1009),
    "an absurd length": (b"\x81\xff" + b"\xff" * 8, 1009),
    "64 KiB and one in fragments": (masked(TEXT, b"x" * (64 * KIB), final=False) + masked(0, b"x"), 1009),
    "no UTF-8": (masked(TEXT, b"caf\xe9"), 1007),
    "no UTF-8 over fragments": (masked(TEXT, b"\xe2\x82", final=False) + masked(0, b"a"), 1007),
    "half a close code": (masked(CLOSE, b"\x03"), 1002),
    "a close code that may not be sent": (masked(CLOSE, (1006).to_bytes(2, "big")), 1002),
    "a close reason that is no UTF-8": (masked(CLOSE, b"\x03\xe8\xff"), 1007),
}


@pytest.mark.parametrize(("sent", "code"), BROKEN.values(), ids=BROKEN.keys())
async def test_whoever_breaks_the_protocol_is_told_the_code_and_leaves_no_trace_in_the_log(
    room: Room, sent: bytes, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with await Page.open(room.port, "/echo") as page:
        page.writer.write(sent)
        assert (await page.last_words())[0] == code
        await page.end()
        page.writer.close()
        assert (await room.end())[0] == code
    assert not caplog.records


@pytest.mark.parametrize(("sent", "heard"), [(b"\x03\xe9bye", (1001, "bye")), (b"", (1005, ""))])
async def test_a_page_that_leaves_hears_its_own_code_and_the_application_hears_it_too(
    room: Room, sent: bytes, heard: tuple[int, str]
) -> None:
    async with await Page.open(room.port, "/echo") as page:
        page.writer.write(masked(CLOSE, sent))
        assert await page.hear() == (CLOSE, sent[:2])
        await page.end()
        assert await room.end() == heard


async def test_a_page_that_vanishes_is_1006_to_the_application(room: Room) -> None:
    async with await Page.open(room.port, "/echo") as page:
        page.writer.close()
    assert (await room.end())[0] == 1006


async def test_a_page_may_answer_a_close_and_one_that_does_not_is_left_all_the_same(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire_line, "CLOSE_WAIT_S", 0.2)
    async with await Page.open(room.port, "/door") as page:
        wire = await room.wire()
        wire.close(1008, "signed out " + "é" * 100)
        code, reason = await page.last_words()
        assert (code, reason) == (1008, "signed out " + "é" * 56)
        assert wire.closing
        wire.write(text_frame(b"too late"))
        await page.end()
    assert (await room.end())[0] == 1008


@pytest.mark.parametrize("path", ["/failing", "/raise"])
async def test_a_failure_of_ours_is_1011_a_line_in_the_log_and_no_secret(
    room: Room, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with await Page.open(room.port, path) as page:
        assert await page.last_words() == (1011, "")
    assert [record.levelname for record in caplog.records if record.name == "uvicorn.error"] == ["ERROR"]


async def test_a_refused_handshake_is_403_or_what_the_application_answers(room: Room) -> None:
    refused = await ask(room.port, request("/closed"))
    assert refused.startswith(b"HTTP/1.1 403 ")
    missing = await ask(room.port, request("/404"))
    assert missing.startswith(b"HTTP/1.1 404 ")
    assert b"content-length: 22\r\n" in missing
    assert missing.endswith(b"\r\n\r\nThere is nothing here.")


MALFORMED = {
    "no key": (request("/echo", sec_websocket_key=None), 400),
    "a short key": (request("/echo", sec_websocket_key="c2hvcnQ="), 400),
    "a key that is no base64": (request("/echo", sec_websocket_key="*" * 24), 400),
    "no version": (request("/echo", sec_websocket_version=None), 426),
    "an old version": (request("/echo", sec_websocket_version="8"), 426),
    "two origins": (request("/echo", x="1\r\nOrigin: http://elsewhere.test"), 400),
    "two keys": (request("/echo", x="1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), 400),
    "two hosts": (request("/echo", x="1\r\nHost: elsewhere.test"), 400),
    "no host": (request("/echo", host=None), 400),
    "a whole address": (request("http://elsewhere.test/echo"), 400),
    "a form": (request("/echo").replace(b"GET", b"POST"), 400),
    "a body": (request("/echo", content_length="3") + b"abc", 400),
    "HTTP/1.0": (request("/echo").replace(b"HTTP/1.1", b"HTTP/1.0"), 400),
}


@pytest.mark.parametrize(("head", "status"), MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_malformed_handshake_is_refused_in_one_sentence(
    room: Room, head: bytes, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await ask(room.port, head)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert answer.endswith(b".")
    assert b"nosniff" in answer
    assert not caplog.records
