"""Recordings are looked at by turns of the people who send them: nobody waits for all that somebody else has sent."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from parlour.errors import TooMany, Unavailable
from parlour.voice.turns import EACH_AT_MOST, WAITING_AT_MOST, TooManyOfYours, Turns

ADA, BO, CY = 1, 2, 3


class Bench:
    """A place for one, at which somebody sits until they are told to go."""

    def __init__(self) -> None:
        self.turns = Turns(1)
        self.order: list[str] = []
        self._gone = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def send(self, whose: int, name: str) -> asyncio.Task[None]:
        """One more, who is at the bench or waits for it when this returns."""
        self._tasks.append(asyncio.create_task(self._work(whose, name)))
        await asyncio.sleep(0)
        return self._tasks[-1]

    async def finish(self) -> list[str]:
        """The names in the order in which their turns came, once all had theirs."""
        self._gone.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        return self.order

    async def _work(self, whose: int, name: str) -> None:
        async with self.turns.turn(whose):
            self.order.append(name)
            await self._gone.wait()


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    yield bench
    await bench.finish()


async def test_whoever_sends_one_waits_for_one_of_those_who_send_many(bench: Bench) -> None:
    for number in range(5):
        await bench.send(ADA, f"Ada {number}")
    await bench.send(BO, "Bo 0")
    await bench.send(BO, "Bo 1")
    await bench.send(CY, "Cy 0")
    assert await bench.finish() == ["Ada 0", "Bo 0", "Cy 0", "Ada 1", "Bo 1", "Ada 2", "Ada 3", "Ada 4"]


async def test_who_has_too_many_waiting_is_told_so_and_others_are_not(bench: Bench) -> None:
    for number in range(EACH_AT_MOST + 1):
        await bench.send(ADA, f"Ada {number}")
    with pytest.raises(TooManyOfYours):
        await (await bench.send(ADA, "one too many"))
    await bench.send(BO, "Bo")
    assert (await bench.finish())[:2] == ["Ada 0", "Bo"]


async def test_where_all_places_are_taken_whoever_has_most_gives_way(bench: Bench) -> None:
    first = await bench.send(ADA, "Ada at work")
    sent = [await bench.send(whose, "many") for whose in (ADA, BO) for _ in range(WAITING_AT_MOST // 2)]
    await bench.send(CY, "Cy")
    with pytest.raises(TooManyOfYours):
        await sent[WAITING_AT_MOST // 2 - 1]  # the newest of one of them
    assert [task for task in (first, *sent) if task.done()] == [sent[WAITING_AT_MOST // 2 - 1]]
    assert "Cy" in (await bench.finish())[:3]


async def test_where_everybody_waits_with_one_the_next_person_is_told_to_come_again(bench: Bench) -> None:
    await bench.send(ADA, "Ada at work")
    for person in range(WAITING_AT_MOST):
        await bench.send(100 + person, "one")
    with pytest.raises(Unavailable):
        await (await bench.send(CY, "Cy"))
    with pytest.raises(TooMany):
        await (await bench.send(100, "a second"))


async def test_whoever_gives_up_leaves_the_place_to_the_next(bench: Bench) -> None:
    at_work = await bench.send(ADA, "Ada")
    waiting = await bench.send(BO, "Bo")
    await bench.send(CY, "Cy")
    waiting.cancel()
    at_work.cancel()
    assert await bench.finish() == ["Ada", "Cy"]
    assert waiting.cancelled()


async def test_a_turn_that_comes_as_somebody_gives_up_is_not_lost(bench: Bench) -> None:
    at_work = await bench.send(ADA, "Ada")
    waiting = await bench.send(BO, "Bo")
    await bench.send(CY, "Cy")
    at_work.cancel()
    await asyncio.sleep(0)  # its place is handed on, and who is called has not heard it yet
    waiting.cancel()
    assert await bench.finish() == ["Ada", "Cy"]
    await bench.send(BO, "Bo again")
    assert bench.order[-1] == "Bo again"


async def test_when_the_house_closes_nobody_is_left_waiting(bench: Bench) -> None:
    at_work = await bench.send(ADA, "Ada")
    waiting = await bench.send(BO, "Bo")
    bench.turns.close()
    with pytest.raises(Unavailable):
        await waiting
    with pytest.raises(Unavailable):
        await (await bench.send(CY, "Cy"))
    await bench.finish()
    assert at_work.exception() is None
