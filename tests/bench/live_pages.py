"""Live pages without scripts: what each costs in memory, and how long a message takes from its form to every line.

`PYTHONPATH=tests python -m bench.live_pages --pages 500`, in the environment of the tests.
"""

import argparse
import asyncio
import os
import re
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import httpx

from bench.house import House
from people import Person

PAGES_PER_PERSON = 2
TOGETHER = 4  # who sign up at once
PATIENCE_S = 30


class Watch:
    """Notes when each text came to each page."""

    def __init__(self) -> None:
        self.came: dict[str, list[float]] = {}
        self.begun = asyncio.Semaphore(0)

    async def follow(self, answer: httpx.Response) -> None:
        begun = False
        async for line in answer.aiter_lines():
            if not begun and 'class="silent"' in line:
                begun = True
                self.begun.release()
            if found := re.search("word-[0-9]+-", line):
                self.came.setdefault(found[0], []).append(time.perf_counter())


async def measure(pages: int, posts: int, rate: float) -> None:
    people = pages // PAGES_PER_PERSON
    with tempfile.TemporaryDirectory() as data, House(Path(data), "", max(os.sched_getaffinity(0))) as house:
        async with AsyncExitStack() as stack:
            crowd = [await stack.enter_async_context(Person(house.url)) for _ in range(people)]
            for start in range(0, people, TOGETHER):
                names = range(start, min(start + TOGETHER, people))
                await asyncio.gather(*(crowd[number].sign_up(f"p{number}") for number in names))
            talks = [await crowd[number].meet(f"p{number + 1}") for number in range(0, people - 1, 2)]
            before = house.proportional_kib
            watch = Watch()
            tasks = []
            for number, person in enumerate(crowd):
                for _ in range(PAGES_PER_PERSON):
                    stream = person.client.stream("GET", f"/conversations/{talks[number // 2]}/live")
                    tasks.append(asyncio.create_task(watch.follow(await stack.enter_async_context(stream))))
            for _ in tasks:
                await watch.begun.acquire()
            print(f"{len(tasks)} pages: {(house.proportional_kib - before) / len(tasks):.1f} KiB each")
            sent = await _post(crowd, talks, posts, rate)
            async with asyncio.timeout(PATIENCE_S):
                while sum(len(times) for times in watch.came.values()) < 4 * posts:
                    await asyncio.sleep(0.1)
            took = sorted(at - sent[text] for text, times in watch.came.items() for at in times)
            places = {"p50": 0.5, "p99": 0.99, "most": 1.0}
            found = {name: took[min(len(took) - 1, int(len(took) * place))] for name, place in places.items()}
            print("from form to line:", ", ".join(f"{name} {s * 1000:.1f} ms" for name, s in found.items()))
            for task in tasks:
                task.cancel()


async def _post(crowd: list[Person], talks: list[int], posts: int, rate: float) -> dict[str, float]:
    sent: dict[str, float] = {}
    for number in range(posts):
        place = number % len(talks)
        text = f"word-{number}-"
        sent[text] = time.perf_counter()
        await crowd[2 * place].say(talks[place], text)
        await asyncio.sleep(max(0.0, sent[text] + 1 / rate - time.perf_counter()))
    return sent


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=500)
    parser.add_argument("--posts", type=int, default=500)
    parser.add_argument("--rate", type=float, default=50, help="posts a second")
    asked = parser.parse_args()
    asyncio.run(measure(asked.pages, asked.posts, asked.rate))
