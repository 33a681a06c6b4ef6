"""Two processes on one PostgreSQL are one house: what is done in one is heard in the other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from conftest import OpenHouse, migrated
from people import Person, hear, hear_all
from services import Postgres

SOON_S = 1
PATIENCE_S = 15
UNREAD = '<span class="sr">unread</span>'
LISTENERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}' AND query ~* 'listen|notify'"
EVERYBODY = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'"


@pytest.fixture
async def database_url(postgres: Postgres) -> AsyncIterator[str]:
    """PostgreSQL alone: SQLite has one process."""
    async with postgres.database(await migrated(postgres)) as url:
        yield url


@pytest.fixture
async def other_house(open_house: OpenHouse, house: str) -> str:
    """The address of a second process."""
    return await open_house()


@pytest.fixture
async def bo_there(bo: Person, other_house: str) -> AsyncIterator[Person]:
    """Bo, who uses the other process."""
    async with Person(other_house) as person:
        assert (await person.sign_in("Bo")).status == 303
        yield person


async def greet(socket: ClientConnection, after: int = 0) -> None:
    await socket.send(f'{{"after":"{after}","list":"unknown"}}')
    await hear(socket, "#beat")


async def test_what_is_said_changed_and_taken_back_is_heard_in_the_other_process(
    ada: Person, talk: int, bo_there: Person
) -> None:
    async with bo_there.listen(talk) as socket:
        await greet(socket)
        async with asyncio.timeout(SOON_S):
            await ada.say(talk, "hello")
            frame = await hear(socket, "<p>hello</p>")
        message = frame.partition('id="message-')[2].partition('"')[0]
        async with asyncio.timeout(SOON_S):
            await ada.post(f"/messages/{message}/edit", {"text": "hullo"})
            await hear(socket, "<p>hullo</p>")
        async with asyncio.timeout(SOON_S):
            await ada.post(f"/messages/{message}/delete")
            await hear(socket, "Message deleted")


async def test_who_speaks_here_hears_themselves_there_too(bo: Person, talk: int, bo_there: Person) -> None:
    async with bo.listen(talk) as here, bo_there.listen(talk) as there:
        for socket in (here, there):
            await greet(socket)
        await bo_there.say(talk, "hello")
        async with asyncio.timeout(SOON_S):
            for socket in (here, there):
                assert "Sent" in await hear(socket, "<p>hello</p>")


async def test_what_is_read_here_is_read_in_the_list_there(
    ada: Person, bo: Person, talk: int, bo_there: Person
) -> None:
    async with bo_there.listen() as socket:
        await greet(socket)
        await ada.say(talk, "hello")
        await hear(socket, UNREAD)
        async with asyncio.timeout(SOON_S):
            await bo.post(f"/conversations/{talk}/read", {"seq": "1"})
            assert UNREAD not in await hear(socket, f'id="conversation-{talk}"')


async def test_how_the_others_stand_is_known_in_the_other_process(
    ada: Person, bo: Person, talk: int, bo_there: Person
) -> None:
    async with ada.listen(talk) as hers:
        await greet(hers)
        async with bo_there.listen(talk) as his:
            await greet(his)
            await hear(hers, ">Online<")
            await ada.say_live(talk, "hello")
            await his.send(f'{{"came":{{"{talk}":1}},"doing":"typing"}}')
            heard = await hear_all(hers, 'data-delivered="1"')
            if "Bo is typing" not in heard:
                await hear(hers, "Bo is typing")
            await bo_there.post(f"/conversations/{talk}/read", {"seq": "1"}, hx_request="true")
            await hear(hers, 'data-read="1"')
        await hear(hers, "Last seen within the hour")


async def test_a_new_conversation_appears_in_the_list_there(ada: Person, bo: Person, bo_there: Person) -> None:
    async with bo_there.listen() as socket:
        await greet(socket)
        async with asyncio.timeout(SOON_S):
            talk = await ada.meet("Bo")
            assert "Ada" in await hear(socket, f'id="conversation-{talk}"')


async def test_the_end_of_a_session_closes_its_pages_there(
    ada: Person, bo: Person, talk: int, bo_there: Person
) -> None:
    async with bo_there.listen(talk) as socket:
        await greet(socket)
        async with asyncio.timeout(SOON_S):
            await bo.post("/settings/sessions/end-all")
            await hears_the_end(socket)


@pytest.mark.parametrize("cut", [LISTENERS, EVERYBODY], ids=["the lines between", "every line"])
async def test_when_lines_to_the_database_are_cut_they_heal_and_nothing_is_missing(
    cut: str, ada: Person, bo: Person, talk: int, bo_there: Person, postgres: Postgres, database_url: str
) -> None:
    name = database_url.rpartition("/")[2]
    async with AsyncExitStack() as stack:
        page = await stack.enter_async_context(bo_there.listen(talk))
        inbox = await stack.enter_async_context(bo_there.listen())
        for socket in (page, inbox):
            await greet(socket)
        texts = [f"text {n}" for n in range(20)]
        for n, text in enumerate(texts):
            if n % 5 == 2:
                await postgres.run(cut.format(name))
            await say_until_stored(ada, talk, text)
        async with asyncio.timeout(PATIENCE_S):
            heard = await hear_all(page, "<p>text 19</p>")
            assert [part.partition("</p>")[0] for part in heard.split("<p>")[1:]] == texts
            await hear(inbox, "text 19")


async def test_a_session_that_ends_while_the_line_is_cut_is_not_forgotten(
    ada: Person, bo: Person, talk: int, bo_there: Person, postgres: Postgres, database_url: str
) -> None:
    async with bo_there.listen(talk) as socket:
        await greet(socket)
        await postgres.run(LISTENERS.format(database_url.rpartition("/")[2]))
        assert (await bo.post("/settings/sessions/end-all")).status == 303
        async with asyncio.timeout(PATIENCE_S):
            await hears_the_end(socket)


async def say_until_stored(person: Person, talk: int, text: str) -> None:
    """As a page does that is told to come back: the same key, until it is stored."""
    key = f"key-of-{text}-0123456789".replace(" ", "-")
    async with asyncio.timeout(PATIENCE_S):
        while (await person.say(talk, text, key=key)).status != 303:
            pass


async def hears_the_end(socket: ClientConnection) -> None:
    """The last frame says why, and then it is over for good."""
    assert "signed out" in await hear(socket, "signed out")
    with pytest.raises(ConnectionClosed) as over:
        await socket.recv()
    assert over.value.rcvd
    assert over.value.rcvd.code == 1008
