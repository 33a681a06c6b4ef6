"""Many who ask at once share one look, and nobody is told what was true before they asked."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from parlour.together import KEYS_AT_ONCE, Arrivals, Together

PATIENCE_S = 10


class Shelf:
    """Things by number, and which numbers were looked for in one go."""

    def __init__(self) -> None:
        self.things = {1: "one", 2: "two"}
        self.looks: list[list[int]] = []
        self.open = asyncio.Event()
        self.open.set()

    async def look(self, keys: Sequence[int]) -> Mapping[int, str]:
        self.looks.append(list(keys))
        found = {key: self.things[key] for key in keys if key in self.things}
        await self.open.wait()
        return found


async def test_those_who_ask_at_once_share_one_look() -> None:
    shelf = Shelf()
    together = Together(shelf.look)
    found = await asyncio.gather(*(together.find(number) for number in (1, 2, 3, 1)))
    assert found == ["one", "two", None, "one"]
    assert shelf.looks == [[1, 2, 3]]


async def test_whoever_asks_during_a_look_is_answered_by_the_next_one() -> None:
    shelf = Shelf()
    together = Together(shelf.look)
    shelf.open.clear()
    early = asyncio.create_task(together.find(1))
    while not shelf.looks:
        await asyncio.sleep(0)
    shelf.things[1] = "changed"
    late = [asyncio.create_task(together.find(number)) for number in (1, 2)]
    await asyncio.sleep(0)
    shelf.open.set()
    assert await early == "one"
    assert await asyncio.gather(*late) == ["changed", "two"]
    assert shelf.looks == [[1], [1, 2]]


async def test_whoever_goes_away_leaves_the_others_their_answer() -> None:
    shelf = Shelf()
    together = Together(shelf.look)
    gone, stays = asyncio.create_task(together.find(1)), asyncio.create_task(together.find(1))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == "one"
    assert await together.find(2) == "two"


async def test_a_look_that_fails_fails_for_all_who_shared_it_and_for_nobody_else() -> None:
    shelf = Shelf()

    async def look(keys: Sequence[int]) -> Mapping[int, str]:
        if 3 in keys:
            raise OSError("no answer")
        return await shelf.look(keys)

    together = Together(look)
    found = await asyncio.gather(together.find(1), together.find(3), return_exceptions=True)
    assert [type(each) for each in found] == [OSError, OSError]
    assert await together.find(1) == "one"
    with pytest.raises(OSError, match="no answer"):
        await together.find(3)


async def test_a_look_has_its_limit() -> None:
    shelf = Shelf()
    together = Together(shelf.look)
    await asyncio.gather(*(together.find(number) for number in range(KEYS_AT_ONCE + 1)))
    assert [len(keys) for keys in shelf.looks] == [KEYS_AT_ONCE, 1]


async def test_a_door_stays_open_until_those_on_the_way_have_come_through_every_look() -> None:
    first, second = Shelf(), Shelf()
    stages = [Together(first.look), Together(second.look)]
    first.open.clear()

    async def come() -> None:
        for stage in stages:
            await stage.find(1)

    coming = asyncio.create_task(come())
    await asyncio.sleep(0)
    open_door = asyncio.create_task(Arrivals(stages).all_in(PATIENCE_S))
    await asyncio.sleep(0)
    first.open.set()
    await open_door
    assert coming.done()
    assert second.looks == [[1]]


async def test_a_door_is_not_kept_open_for_ever() -> None:
    shelf = Shelf()
    shelf.open.clear()
    stage = Together(shelf.look)
    coming = asyncio.create_task(stage.find(1))
    await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE_S):
        await Arrivals([stage]).all_in(0.01)
    assert not coming.done()
    shelf.open.set()
    assert await coming == "one"
