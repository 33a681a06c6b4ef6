"""What a page may send and how many there may be; how a socket ends, and that nothing comes after it."""

import asyncio
import random
import re

import pytest
from websockets.exceptions import ConnectionClosed

from browsing import ON_SQLITE
from conftest import OpenHouse
from listening import end_of, say_hello
from parlour.rates import Rate
from people import Person, hear

pytestmark = [ON_SQLITE, pytest.mark.usefixtures("quiet_log")]  # an end of sessions by PostgreSQL: test_processes

KIB = 1024
WORDS: list[str | bytes] = [
    "{}", '{"after":"0"}', '{"after":0,"x":[1]}', '{"after":-1}', "", "hello", "null", "[]", "[" * 9_000,
    '{"after":"0","x":' + "[" * 9_000, '{"after"', b"\0\xff", b"", "\U0001f600" * 100,
]  # fmt: skip


async def test_bytes_are_1003_before_the_hello_and_after(ada: Person, talk: int) -> None:
    for greet in (False, True):
        async with ada.listen(talk) as socket:
            if greet:
                await say_hello(socket)
            await socket.send(b'{"after":"0"}')
            assert (await end_of(socket))[1] == 1003


async def test_what_is_too_large_is_1009_and_just_below_is_heard(ada: Person, talk: int) -> None:
    async with ada.listen(talk) as socket:
        await say_hello(socket)
        await socket.send("x" * (64 * KIB))
        await ada.say(talk, "still here")
        await hear(socket, "still here")
        await socket.send("x" * (64 * KIB + 1))
        assert (await end_of(socket))[1] == 1009


async def test_no_text_is_1007(ada: Person, talk: int) -> None:
    async with ada.listen(talk) as socket:
        await socket.send(b'{"after":"\xff"}', text=True)
        assert await end_of(socket) == ([], 1007)


async def test_who_talks_too_fast_is_1013_and_may_come_back(ada: Person, talk: int) -> None:
    async with ada.listen(talk) as socket:
        await say_hello(socket)
        for _ in range(19):
            await socket.send("{}")
        await ada.say(talk, "twenty in a second are heard")
        await hear(socket, "twenty in a second")
        for _ in range(21):
            await socket.send("{}")
        assert (await end_of(socket))[1] == 1013
    async with ada.listen(talk) as socket:
        await say_hello(socket)


async def test_who_goes_on_talking_too_fast_stays_outside_for_a_while_alone(ada: Person, bo: Person, talk: int) -> None:
    for _ in range(3):
        async with ada.listen(talk) as socket:
            await say_hello(socket)
            for _ in range(21):
                await socket.send("{}")
            assert (await end_of(socket))[1] == 1013
    async with ada.listen(talk) as socket:
        assert await end_of(socket) == ([], 1013)
    async with bo.listen(talk) as socket:
        await say_hello(socket)


async def test_one_person_has_so_many_sockets_and_no_more(open_house: OpenHouse) -> None:
    url = await open_house(max_sockets_per_user=2)
    async with Person(url) as ada, Person(url) as bo:
        await ada.sign_up("Ada")
        await bo.sign_up("Bo")
        async with ada.listen() as first, ada.listen() as second:
            for socket in (first, second):
                await socket.send("{}")
                await hear(socket, "#beat")
            async with ada.listen() as third:
                assert await end_of(third) == ([], 1013)
            async with bo.listen() as his:
                await his.send("{}")
                await hear(his, "#beat")
            await first.close()
            await open_again(ada)


async def test_one_address_has_so_many_sockets_and_no_more(open_house: OpenHouse) -> None:
    url = await open_house(max_sockets_per_address=2)
    async with Person(url) as ada, Person(url) as bo:
        await ada.sign_up("Ada")
        await bo.sign_up("Bo")
        async with ada.listen() as first, bo.listen() as second:
            await second.send("{}")
            await hear(second, "#beat")
            async with bo.listen() as third:
                assert await end_of(third) == ([], 1013)
            await first.close()
            await open_again(bo)


async def open_again(person: Person) -> None:
    """There is room again as soon as the server has noticed that somebody left."""
    async with asyncio.timeout(5):
        while True:
            async with person.listen() as socket:
                await socket.send("{}")
                try:
                    await hear(socket, "#beat")
                except ConnectionClosed:
                    continue
                return


WAYS_TO_END = {
    "signing out": ("/settings", "/sign-out"),
    "ending it from another browser": ("/settings/sessions", "/settings/sessions/{session}/end"),
    "signing out everywhere": ("/settings/sessions", "/settings/sessions/end-all"),
}


@pytest.mark.parametrize("way", WAYS_TO_END)
async def test_the_end_of_a_session_is_told_and_nothing_comes_after_it(
    ada: Person, bo: Person, talk: int, way: str
) -> None:
    page = await ada.get("/settings/sessions")
    session = re.findall(r"/settings/sessions/(\d+)/end", page.text)[0]
    async with (
        Person(ada.url) as elsewhere,
        ada.listen(talk) as socket,
        ada.listen() as inbox,
        ada.listen(talk) as mute,
    ):
        await elsewhere.sign_in("Ada")
        await say_hello(socket)
        await inbox.send("{}")
        await hear(inbox, "#beat")
        async with elsewhere.listen(talk) as other:
            await say_hello(other)
            ender = ada if way == "signing out" else elsewhere
            where, action = WAYS_TO_END[way]
            answer = await ender.submit(where, action.format(session=session))
            assert answer.status == 303
            await bo.say(talk, "only for those who are still there")
            for line in (socket, inbox, mute):
                async with asyncio.timeout(1):
                    heard, code = await end_of(line)
                assert code == 1008
                assert "signed out" in heard[-1]
                assert "only for those" not in "".join(heard)
            if way == "signing out everywhere":
                assert (await end_of(other))[1] == 1008
            else:
                await hear(other, "only for those")


@pytest.mark.parametrize("limit", ["session_idle_s", "session_limit_s"])
async def test_a_session_that_runs_out_ends_its_sockets(open_house: OpenHouse, limit: str) -> None:
    url = await open_house(**{limit: 2})
    async with Person(url) as ada:
        await ada.sign_up("Ada")
        async with ada.listen() as socket:
            await socket.send("{}")
            await hear(socket, "#beat")
            async with asyncio.timeout(4):
                heard, code = await end_of(socket)
            assert code == 1008
            assert "signed out" in heard[-1]
        assert (await ada.get("/")).status == 303


async def test_whatever_a_page_sends_it_is_never_told_that_we_failed(open_house: OpenHouse) -> None:
    url = await open_house(rate_frames=Rate(1_000, 1))
    some = random.Random(20261124)
    async with Person(url) as ada:
        await ada.sign_up("Ada")
        talk = await ada.meet("Ada")
        for _ in range(60):
            async with ada.listen(talk) as socket:
                try:
                    for word in some.choices(WORDS, k=some.randint(1, 8)):
                        await socket.send(word)
                    await ada.say(talk, "hello")
                except ConnectionClosed:
                    pass
                await socket.close()
                assert socket.close_code in (1000, 1003, 1008)
