"""Typing: what 10,000 words a second on one socket cost everybody else, from a post to each page's frame.

`PYTHONPATH=tests python -m bench.typing_flood`, in the environment of the tests. Fails where the others wait longer
than 1.2 times what they wait without it.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from bench.crowd import Member, Poster, gather_pairs
from bench.house import House, two_cores
from bench.lines import Page
from bench.tally import Tally, percentile_ms
from raw_page import TEXT, masked

PAIRS = 20
FEW = 30  # words at once that are hardly too many
BURST_S = 0.1
SETTLE_S = 1.0
RATIO_AT_MOST = 1.2
ROUNDS = 5  # with the flood and without it by turns, so that whatever else the machine does strikes both
WORD = b'{"doing":"typing"}'


async def measure(rate: float, seconds: float, words: int) -> bool:
    """Measures by turns and prints what it found. Whether the others were hardly held up."""
    core, other = two_cores()
    os.sched_setaffinity(0, {other})
    with tempfile.TemporaryDirectory(prefix="parlour-") as data, House(Path(data), "", core) as house:
        flooder, *pairs = await gather_pairs(house.url, PAIRS + ROUNDS + 1)
        strangers = iter([who for pair in pairs[PAIRS:] for who in pair])  # nobody is let in again and again
        pairs = pairs[:PAIRS]
        tally = Tally()
        people = [Poster(house, tally, number, who) for number, who in enumerate(who for pair in pairs for who in pair)]
        for who in people:
            await who.open_page()
        await _post(tally, people, rate, seconds)  # to warm up
        calm: list[float] = []
        flooded: list[float] = []
        for _ in range(ROUNDS):
            calm += await _post(tally, people, rate, seconds)
            async with _flood(house, flooder[0], words):
                flooded += await _post(tally, people, rate, seconds)
        for who in people:
            who.leave()
        for count in (FEW, words):
            cost_us = min([await _cost_us(house, next(strangers), count) for _ in range(ROUNDS)])
            print(f"  {count} words at once: {cost_us} µs of the server, until their page is sent away")
    ratio = percentile_ms(flooded, 99) / percentile_ms(calm, 99)
    for name, delays_s in (("without", calm), ("with", flooded)):
        found = ", ".join(f"p{percent} {percentile_ms(delays_s, percent):.2f} ms" for percent in (50, 95, 99))
        print(f"  {name} {words} words a second: {found} ({len(delays_s)} frames)")
    print(f"  p99 with it is {ratio:.2f} times that without")
    return ratio <= RATIO_AT_MOST


async def _post(tally: Tally, people: Sequence[Poster], rate: float, seconds: float) -> list[float]:
    """Posts at that rate; from each post to each page's frame, in seconds."""
    begun = time.perf_counter()
    tally.delays_s = []
    posts = []
    for number in range(int(rate * seconds)):
        due = begun + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        posts.append(asyncio.create_task(people[number % len(people)].post(due)))
    await asyncio.gather(*posts)
    await asyncio.sleep(SETTLE_S)
    return tally.delays_s


@asynccontextmanager
async def _flood(house: House, member: Member, words: int) -> AsyncIterator[None]:
    """Meanwhile somebody says so many words a second, and comes back as soon as they are sent away."""
    burst = int(words * BURST_S) * masked(TEXT, WORD)
    flooding = asyncio.create_task(_say_on(house, member, burst))
    yield
    flooding.cancel()
    with suppress(asyncio.CancelledError):
        await flooding


async def _say_on(house: House, member: Member, burst: bytes) -> None:
    loop = asyncio.get_running_loop()
    while True:
        _, page = await loop.create_connection(lambda: Page(lambda _row, _at: None), "127.0.0.1", house.port)
        page.open(f"127.0.0.1:{house.port}", member.cookie, member.conversation, after=0)
        with suppress(ConnectionError):  # for a while the house does not let them in again
            await page.greeted
        while not page.lost:
            page.transport.write(burst)
            await asyncio.sleep(BURST_S)
        await asyncio.sleep(BURST_S)


async def _cost_us(house: House, member: Member, words: int) -> int:
    """What it costs to hear so many words at once from a page."""
    before = house.cpu_us
    _, page = await asyncio.get_running_loop().create_connection(
        lambda: Page(lambda _row, _at: None), "127.0.0.1", house.port
    )
    page.open(f"127.0.0.1:{house.port}", member.cookie, member.conversation, after=0)
    page.transport.write(words * masked(TEXT, WORD))
    with suppress(ConnectionError):
        await page.greeted
    while not page.lost:
        await asyncio.sleep(BURST_S)
    return house.cpu_us - before


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=100, help="posts a second of the others (100)")
    parser.add_argument("--seconds", type=float, default=5, help="of each turn (5)")
    parser.add_argument("--words", type=int, default=10_000, help="words a second (10,000)")
    given = parser.parse_args()
    sys.exit(0 if asyncio.run(measure(given.rate, given.seconds, given.words)) else 1)
