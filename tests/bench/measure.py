"""Measures one Parlour: how fast posts are stored and heard, what an idle page weighs, and that nothing goes wrong."""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import uvloop

from bench.crowd import Member, Poster, gather_pairs
from bench.house import House, two_cores
from bench.tally import Faults, Tally, percentile_ms
from services import Postgres

FIRST_PAGES = 20  # are opened before memory is read: whatever is made once is made then
WARM_UP_S = 1.0  # of posts before delays are measured: a house makes much when it is used for the first time
CROWDED = 32  # people who post as fast as they are answered
DRAIN_S = 20
POLL_S = 0.01


class Options(NamedTuple):
    """What to measure."""

    pairs: int
    rate: float  # posts a second while delays are measured
    seconds: float  # for each of the two loads


class Load(NamedTuple):
    """What one load came to."""

    posts: int
    refused: int
    seconds: float
    answer_s: list[float]
    cpu_us: int


async def measure(options: Options, database_url: str) -> bool:
    """Measures on that database and prints what it found. Whether every message came once, in order, everywhere."""
    core, other = two_cores()
    os.sched_setaffinity(0, {other})
    with tempfile.TemporaryDirectory(prefix="parlour-") as data:
        with House(Path(data), database_url, core) as house:
            pairs = await gather_pairs(house.url, options.pairs)
        # A new process: memory that signing up had used and given back would hide what pages cost.
        with House(Path(data), database_url, core) as house:
            return await _measure_house(house, options, pairs)


async def _measure_house(house: House, options: Options, pairs: Sequence[tuple[Member, Member]]) -> bool:
    tally = Tally()
    people = [Poster(house, tally, number, who) for number, who in enumerate(who for pair in pairs for who in pair)]
    idle_kib = await _open_pages(house, people)
    await _post_steadily(house, people, options.rate, WARM_UP_S)
    await _drain(tally)
    tally.delays_s.clear()
    steady = await _post_steadily(house, people, options.rate, options.seconds)
    await _drain(tally)
    delays_s, tally.delays_s = tally.delays_s, []
    crowded = await _post_crowded(house, people, options.seconds)
    await _drain(tally)
    for who in people:
        who.leave()
    heard, pages = len(tally.delays_s), len(people)
    print(f"  {pages} open pages, one by one idle: {idle_kib:.1f} KiB each")
    print(f"  at {options.rate:g} posts/s: {_rates(steady, len(delays_s))}")
    print(f"    from post to each page's frame: {_percentiles(delays_s)}")
    print(f"    until the post was answered:    {_percentiles(steady.answer_s)}")
    print(f"  {CROWDED} people as fast as they can: {_rates(crowded, heard)}")
    print(f"    until the post was answered:    {_percentiles(crowded.answer_s)}")
    return _judge(tally.faults, steady.refused + crowded.refused)


async def _open_pages(house: House, people: Sequence[Poster]) -> float:
    """Opens everybody's page; what each of them adds to the server's memory, in KiB."""
    for who in people[:FIRST_PAGES]:
        await who.open_page()
    before, rest = house.proportional_kib, people[FIRST_PAGES:]
    for who in rest:
        await who.open_page()
    return (house.proportional_kib - before) / max(1, len(rest))


async def _post_steadily(house: House, people: Sequence[Poster], rate: float, seconds: float) -> Load:
    """An open loop: each post is due at its time, whatever became of those before it."""
    async with _loaded(house) as load:
        begun = time.perf_counter()
        posts = []
        for number in range(int(rate * seconds)):
            due = begun + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            who = people[number * 7919 % len(people)]  # a large prime: neighbours in time are no neighbours in a pair
            posts.append(asyncio.create_task(load.post(who, due)))
        await asyncio.gather(*posts)
    return load.result


async def _post_crowded(house: House, people: Sequence[Poster], seconds: float) -> Load:
    """A closed loop: everybody posts again as soon as they are answered."""
    async with _loaded(house) as load:
        end = time.perf_counter() + seconds

        async def go_on(who: Poster) -> None:
            while time.perf_counter() < end:
                await load.post(who, time.perf_counter())

        await asyncio.gather(*map(go_on, people[:CROWDED]))
    return load.result


class _Loaded:
    """A load under way."""

    def __init__(self) -> None:
        self._answer_s: list[float] = []
        self._refused = 0
        self.result: Load

    async def post(self, who: Poster, due: float) -> None:
        self._refused += not await who.post(due)
        self._answer_s.append(time.perf_counter() - due)

    def finish(self, seconds: float, cpu_us: int) -> None:
        self.result = Load(len(self._answer_s), self._refused, seconds, self._answer_s, cpu_us)


@asynccontextmanager
async def _loaded(house: House) -> AsyncIterator[_Loaded]:
    load, begun, cpu_us = _Loaded(), time.perf_counter(), house.cpu_us
    yield load
    load.finish(time.perf_counter() - begun, house.cpu_us - cpu_us)


async def _drain(tally: Tally) -> None:
    """Waits for what is under way; what does not come at all is a loss."""
    end = time.perf_counter() + DRAIN_S
    while not tally.complete and time.perf_counter() < end:
        await asyncio.sleep(POLL_S)


def _rates(load: Load, heard: int) -> str:
    posts, deliveries = load.posts / load.seconds, heard / load.seconds
    return f"{posts:.0f} posts/s, {deliveries:.0f} deliveries/s, {load.cpu_us / load.posts:.0f} µs of the server a post"


def _percentiles(delays_s: Sequence[float]) -> str:
    return ", ".join(f"p{percent:g} {percentile_ms(delays_s, percent):.1f} ms" for percent in (50, 95, 99))


def _judge(faults: Faults, refused: int) -> bool:
    print(f"  lost {faults.lost}, doubled {faults.doubled}, out of order {faults.disordered}, refused {refused}")
    return not any((*faults, refused))


def main() -> None:
    """Reads what to measure, measures, and ends with 1 where a message was lost, doubled or out of order."""
    parser = argparse.ArgumentParser("python3 tests/bench", description=__doc__)
    parser.add_argument("--database", action="append", help="sqlite, postgresql or a URL (default: the first two)")
    parser.add_argument("--pairs", type=int, default=250, help="pairs of people, each with two open pages (250)")
    parser.add_argument("--rate", type=float, default=200, help="posts a second while delays are measured (200)")
    parser.add_argument("--seconds", type=float, default=10, help="how long each load lasts (10)")
    given = parser.parse_args()
    options = Options(given.pairs, given.rate, given.seconds)
    fine = [_measure_on(name, options) for name in given.database or ("sqlite", "postgresql")]
    sys.exit(0 if all(fine) else 1)


def _measure_on(name: str, options: Options) -> bool:
    print(name, flush=True)
    if name == "postgresql":
        with Postgres() as postgres:
            return _run(measure(options, postgres.url))
    with tempfile.TemporaryDirectory(prefix="parlour-") as folder:
        url = f"sqlite:///{folder}/parlour.sqlite3" if name == "sqlite" else name
        return _run(measure(options, url))


def _run(measured: Coroutine[object, object, bool]) -> bool:
    """In the faster loop: what the people here take of their core, a database may need."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(measured)


if __name__ == "__main__":
    main()
