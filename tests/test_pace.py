"""What comes at once is spread over a short while, and whoever comes alone waits for nobody."""

import asyncio
from contextlib import ExitStack

from parlour.pace import GIVE_WAY_S, Pace, RightOfWay

EVERY_S, WITHIN_S = 0.01, 0.05


async def test_many_at_once_come_one_after_the_other_and_none_waits_for_long() -> None:
    loop, pace = asyncio.get_running_loop(), Pace(EVERY_S, WITHIN_S)
    begun = loop.time()
    came: list[float] = []

    async def come() -> None:
        await pace.wait()
        came.append(loop.time() - begun)

    await come()
    assert came[0] < WITHIN_S
    await asyncio.gather(*(come() for _ in range(20)))
    early = [at for at in came[1:] if at < WITHIN_S - EVERY_S / 2]
    assert len(early) <= WITHIN_S / EVERY_S
    assert max(came) >= WITHIN_S


async def test_what_gives_way_begins_one_by_one_when_nothing_is_under_way_that_goes_first() -> None:
    way, done = RightOfWay(), list[str]()

    async def give_way(name: str) -> None:
        await way.give_way()
        done.append(name)
        if name == "one":
            text.enter_context(way.first())  # somebody writes meanwhile

    with ExitStack() as text:
        text.enter_context(way.first())
        others = [asyncio.create_task(give_way(name)) for name in ("one", "two", "three")]
        await asyncio.sleep(GIVE_WAY_S / 5)
        assert done == []
        text.pop_all().close()
        await asyncio.sleep(GIVE_WAY_S / 5)
        assert done == ["one"]
    await asyncio.gather(*others)
    assert done == ["one", "two", "three"]

    await give_way("alone")
    assert done.pop() == "alone"


async def test_what_gives_way_does_so_for_a_while_and_whoever_leaves_holds_nobody_up() -> None:
    way = RightOfWay()
    loop = asyncio.get_running_loop()
    with way.first():
        begun = loop.time()
        leaving = asyncio.create_task(way.give_way())
        await asyncio.sleep(0)
        leaving.cancel()
        await way.give_way()
        assert loop.time() - begun >= GIVE_WAY_S
        staying = asyncio.create_task(way.give_way())
        await asyncio.sleep(0)
        assert not staying.done()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert staying.done()
    assert leaving.cancelled()
