"""What a wire does for many pages at once, and against a page that floods it or falls asleep."""

import asyncio
import logging
import weakref
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from parlour.live import wire_line
from parlour.live.wire import Wire, text_frame
from raw_page import CLOSE, TEXT, Page, masked
from wire_room import Room, a_room

KIB = 1024


@pytest_asyncio.fixture
async def room(caplog: pytest.LogCaptureFixture) -> AsyncIterator[Room]:
    caplog.set_level(logging.WARNING)
    async with a_room() as room:
        yield room


async def test_a_flood_waits_at_the_page_until_the_application_takes_it_and_nothing_is_lost(room: Room) -> None:
    piece, count = "x" * (60 * KIB), 500  # far more than all the buffers between us
    async with await Page.open(room.port, "/sleepy") as page:
        frames = [masked(TEXT, f"{number} {piece}".encode()) for number in range(20)]
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < count:
                page.writer.write(frames[sent % 20])
                async with asyncio.timeout(0.5):
                    await page.writer.drain()
                sent += 1
        room.listen.set()
        async with asyncio.timeout(10):
            await page.writer.drain()
        page.writer.write(masked(CLOSE, b""))
        await room.end()
    numbers = [int(text.split()[0]) for text in room.texts]
    assert numbers == [number % 20 for number in range(sent + 1)]


async def test_the_same_bytes_reach_every_page_by_the_direct_door(room: Room) -> None:
    pages = [await Page.open(room.port, "/door") for _ in range(3)]
    for size in (5, 200, 70_000):
        frame = text_frame(b"x" * size)
        await room.wire(3)
        for wire in room.wires:
            wire.write(frame)
        for page in pages:
            assert await page.hear() == (TEXT, b"x" * size)
    for page in pages:
        page.writer.close()


async def test_a_slow_page_is_noticed_and_heard_of_again_when_it_reads_on(room: Room) -> None:
    async with await Page.open(room.port, "/door") as page:
        wire = await room.wire()
        page.doze()
        again = asyncio.Event()
        wire.on_writable = again.set
        written = await fill(wire)
        assert written < 16 * KIB * KIB
        page.wake()
        for _ in range(written // (32 * KIB)):
            await page.hear()
        async with asyncio.timeout(5):
            await again.wait()
        assert wire.writable
        assert not wire.closing


async def test_a_page_that_takes_nothing_is_cut_with_1013_which_it_reads_when_it_wakes(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire_line, "SLOW_READER_S", 0.3)
    async with await Page.open(room.port, "/door") as page:
        page.doze()
        await fill(await room.wire())
        assert (await room.end())[0] == 1013
        page.wake()
        assert (await page.last_words())[0] == 1013
        page.writer.write(masked(CLOSE, (1013).to_bytes(2, "big")))
        await page.end()


async def test_a_page_that_never_wakes_holds_neither_connection_nor_memory(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire_line, "SLOW_READER_S", 0.2)
    monkeypatch.setattr(wire_line, "LAST_WORDS_S", 0.2)
    async with await Page.open(room.port, "/door") as page:
        await room.wire()
        page.doze()
        await fill(room.wires[0])
        await room.end()
        freed = asyncio.Event()
        weakref.finalize(room.wires.pop(), freed.set)
        async with asyncio.timeout(5):
            await freed.wait()
        page.wake()
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await page.last_words()


async def test_everybody_is_told_that_the_server_restarts_also_a_page_that_does_not_answer() -> None:
    async with asyncio.timeout(8):
        async with a_room() as room:
            pages = [await Page.open(room.port, path) for path in ("/door", "/echo", "/sleepy")]
            await room.wire()
            room.listen.set()
        for page in pages:
            assert (await page.last_words())[0] == 1012
            page.writer.close()
    assert [code for code, _ in room.ends] == [1012] * 3


async def fill(wire: Wire) -> int:
    """Writes until the page takes nothing any more; how many bytes of text that took."""
    written, frame = 0, text_frame(b"x" * (32 * KIB))
    while True:
        wire.write(frame)
        written += 32 * KIB
        try:
            async with asyncio.timeout(0.1):
                await wire.drain()
        except TimeoutError:
            return written
