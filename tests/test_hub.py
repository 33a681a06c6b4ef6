"""Events reach every process, in order, whatever becomes of the line between them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import pytest

from parlour import hub
from parlour.events import ConversationChanged, Event, HubReconnected, SessionsEnded
from parlour.hub import LocalHub, PostgresHub, make_hub
from services import Postgres

PATIENCE_S = 10


class Process:
    """A process that has nothing but a hub, and writes down what it hears."""

    def __init__(self, url: str) -> None:
        self.hub = make_hub(url)
        self.heard: list[Event] = []
        self._more = asyncio.Event()
        self.hub.listen(self._hear)

    def _hear(self, events: Sequence[Event]) -> None:
        self.heard += events
        self._more.set()

    async def hears(self, wanted: Event) -> None:
        """Waits until it has heard that."""
        async with asyncio.timeout(PATIENCE_S):
            while wanted not in self.heard:
                self._more.clear()
                await self._more.wait()

    @property
    def news(self) -> list[Event]:
        return [event for event in self.heard if event != HubReconnected()]


Start = Callable[[str], Awaitable[Process]]


@pytest.fixture
async def url(postgres: Postgres) -> AsyncIterator[str]:
    async with postgres.database() as url:
        yield url


@pytest.fixture
async def start(url: str) -> AsyncIterator[Start]:
    """Starts a process, and waits until its line is up; the database goes once everybody has left it."""
    async with AsyncExitStack() as stack:

        async def one(url: str) -> Process:
            process = Process(url)
            await process.hub.start()
            stack.push_async_callback(process.hub.stop)
            await process.hears(HubReconnected())
            return process

        yield one


def changed(number: int) -> Event:
    return ConversationChanged(7, number)


async def test_one_process_hears_itself_at_once() -> None:
    alone = Process("sqlite:///somewhere")
    assert isinstance(alone.hub, LocalHub)
    alone.hub.publish([changed(1)])
    assert alone.heard == [changed(1)]


async def test_every_process_hears_every_event_once_and_in_order(start: Start, url: str) -> None:
    here, there = await start(url), await start(url)
    for number in range(500):
        here.hub.publish([changed(number)])
    assert here.news == [changed(number) for number in range(500)]
    await there.hears(changed(499))
    assert there.news == here.news
    there.hub.publish([SessionsEnded((3,))])
    await here.hears(SessionsEnded((3,)))


async def test_more_than_one_payload_can_hold_arrives_whole(start: Start, url: str) -> None:
    here, there = await start(url), await start(url)
    here.hub.publish([changed(number) for number in range(2_000)])
    await there.hears(changed(1_999))
    assert there.news == here.news


async def test_a_line_that_is_cut_heals_and_what_was_said_meanwhile_arrives(
    start: Start, url: str, postgres: Postgres
) -> None:
    here, there = await start(url), await start(url)
    name = url.rpartition("/")[2]
    there.heard.clear()
    await postgres.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    here.hub.publish([changed(1)])
    await there.hears(HubReconnected())  # whatever it missed meanwhile, it knows that it has to look
    here.hub.publish([changed(2)])
    await there.hears(changed(2))


async def test_what_could_not_be_sent_is_sent_over_the_next_line(start: Start, url: str, postgres: Postgres) -> None:
    async with proxied(postgres.port) as proxy:
        here, there = await start(proxy.url(url)), await start(url)
        proxy.cut()
        here.hub.publish([changed(1), SessionsEnded((3,))])
        await there.hears(SessionsEnded((3,)))
        assert there.news == here.news


async def test_a_line_that_died_without_a_word_is_noticed(
    start: Start, url: str, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "LOOK_AGAIN_S", 0.1)
    monkeypatch.setattr(hub, "ANSWER_WITHIN_S", 0.5)
    async with proxied(postgres.port) as proxy:
        here, there = await start(url), await start(proxy.url(url))
        there.heard.clear()
        proxy.hold_back()
        here.hub.publish([changed(1)])
        await there.hears(HubReconnected())
        here.hub.publish([changed(2)])
        await there.hears(changed(2))


async def test_a_long_silence_ends_with_a_look_at_everything_and_holds_no_more_than_it_may(
    url: str, monkeypatch: pytest.MonkeyPatch, start: Start
) -> None:
    monkeypatch.setattr(hub, "WAITING_AT_MOST", 100)
    there = await start(url)
    there.heard.clear()
    here = Process(url)
    for number in range(1_000):
        here.hub.publish([changed(number)])
    await here.hub.start()
    await there.hears(changed(999))
    await here.hub.stop()
    assert there.heard[0] == HubReconnected()
    assert len(there.heard) <= 100


async def test_the_last_words_of_a_process_that_stops_are_heard(start: Start, url: str) -> None:
    there = await start(url)
    here = Process(url)
    await here.hub.start()
    await here.hears(HubReconnected())
    here.hub.publish([changed(1)])
    await here.hub.stop()
    await there.hears(changed(1))


async def test_a_process_stops_also_where_there_is_no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "LAST_WORDS_S", 0.1)
    alone = PostgresHub("postgresql://nobody@127.0.0.1:1/none")
    alone.publish([changed(1)])
    await alone.start()
    async with asyncio.timeout(2):
        await alone.stop()


@pytest.mark.parametrize("payload", ["", "hello", "{}", '{"sender":"x","events":[{"type":"unheard of"}]}'])
async def test_what_another_program_says_on_the_channel_does_no_harm(start: Start, url: str, payload: str) -> None:
    there = await start(url)
    stranger = await asyncpg.connect(url)
    await stranger.execute("SELECT pg_notify('parlour', $1)", payload)
    await stranger.close()
    here = await start(url)
    here.hub.publish([changed(1)])
    await there.hears(changed(1))
    assert there.news == [changed(1)]


class Proxy:
    """Stands between a process and PostgreSQL, and can cut the line or swallow what goes over it."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._lines: list[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = []
        self._held_back: set[asyncio.StreamWriter] = set()
        self.port = 0

    def url(self, url: str) -> str:
        return url.replace(f":{self._target}/", f":{self.port}/")

    def cut(self) -> None:
        for here, there in self._lines:
            here.transport.abort()
            there.transport.abort()

    def hold_back(self) -> None:
        """From now on nothing comes over the lines that are open, and nobody is told."""
        self._held_back |= {writer for line in self._lines for writer in line}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        other_reader, other_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._lines.append((writer, other_writer))
        await asyncio.gather(self._pass_on(reader, other_writer), self._pass_on(other_reader, writer))

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                if writer not in self._held_back:
                    writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def proxied(target: int) -> AsyncIterator[Proxy]:
    proxy = Proxy(target)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.cut()
