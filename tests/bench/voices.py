"""How text fares while recordings are prepared: posts at a steady rate, alone, and beside twenty clips at once."""

import argparse
import asyncio
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path

from bench.crowd import Poster, gather_pairs
from bench.house import House
from bench.tally import Tally, percentile_ms
from parlour.voice.workbench import take_short_turns
from people import Person
from voice.voices import WEBM, Sending

PAIRS = 10
ROUND_S = 4.0
CLIPS = 20

TOLD: dict[str, Event] = {}  # in the process of whoever speaks


async def measure(rate: float, rounds: int, clips: int) -> None:
    """Prints what the slowest of a hundred texts took, by turns without and with clips, and how the two compare."""
    cores = os.sched_getaffinity(0)
    folder = tempfile.TemporaryDirectory(prefix="parlour-")
    with folder as data, House(Path(data), f"sqlite:///{data}/parlour.sqlite3", *cores) as house:
        pairs = await gather_pairs(house.url, PAIRS)
        tally = Tally()
        members = [who for pair in pairs for who in pair]
        people = [Poster(house, tally, number, who) for number, who in enumerate(members)]
        for who in people:
            await who.open_page()
        alone: list[float] = []
        beside: list[float] = []
        await _post(people, rate, 1.0)  # the first of everything is slower
        loop = asyncio.get_running_loop()
        # Who speaks is a process of its own: what sending costs must not delay whoever measures.
        context = get_context("spawn")
        ready, begin = context.Event(), context.Event()
        with ProcessPoolExecutor(1, context, _be_told, (ready, begin)) as elsewhere:
            for _ in range(rounds):
                alone += await _delays(tally, people, rate, ROUND_S)
                speaking = loop.run_in_executor(elsewhere, speak_at_once, house.url, clips)
                await asyncio.to_thread(ready.wait)
                ready.clear()
                begin.set()
                beside += await _delays(tally, people, rate, ROUND_S, until=speaking)
                begin.clear()
                print(f"    {clips} clips were prepared in {await speaking:.1f} s", flush=True)
        for who in people:
            who.leave()
    for name, delays in (("alone", alone), (f"beside {clips} clips", beside)):
        shown = " / ".join(f"{percentile_ms(delays, share):.1f}" for share in (50, 90, 99))
        print(f"  {name}: {shown} ms from post to frame (50, 90, 99 %; {len(delays)} frames)")
    print(f"  99 %: {percentile_ms(beside, 99) / percentile_ms(alone, 99):.2f} times as long")
    print(f"  load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


async def _delays(
    tally: Tally, people: Sequence[Poster], rate: float, seconds: float, until: "asyncio.Future[float] | None" = None
) -> list[float]:
    """From each post to each frame, while somebody posts; only while the clips are under way, if there are any."""
    tally.delays_s = []
    while True:
        await _post(people, rate, seconds if until is None else 0.5)
        if until is None or until.done():
            break
    while not tally.complete:
        await asyncio.sleep(0.01)
    return tally.delays_s


async def _post(people: Sequence[Poster], rate: float, seconds: float) -> None:
    begun = time.perf_counter()
    posts = []
    for number in range(int(rate * seconds)):
        due = begun + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        posts.append(asyncio.create_task(people[number * 7919 % len(people)].post(due)))
    await asyncio.gather(*posts)


def _be_told(ready: Event, begin: Event) -> None:
    # Who speaks has a machine of their own, and must not take the core of whoever measures.
    os.nice(19)
    take_short_turns()
    TOLD.update(ready=ready, begin=begin)


def speak_at_once(url: str, clips: int) -> float:
    """Sends the clips, all at once; how long it takes until they are prepared, in seconds."""
    return asyncio.run(_speak(url, clips))


async def _speak(url: str, clips: int) -> float:
    async with Person(url) as speaker:
        name = f"voice-{secrets.token_hex(4)}"
        await speaker.sign_up(name)
        notes = await speaker.meet(name)
        # Told by a socket, since to draw a page of twenty recordings again and again would delay others by itself.
        async with speaker.listen(notes) as page:
            await page.send('{"after":"0"}')
            # What is sent is made before: who speaks has a machine of their own.
            sendings = [Sending(speaker, notes, WEBM.content, secrets.token_urlsafe(16)) for _ in range(clips)]
            TOLD["ready"].set()
            TOLD["begin"].wait()
            begun = time.perf_counter()
            if set(await asyncio.gather(*map(_send, sendings))) - {"HTTP/1.1 303"}:
                raise RuntimeError("a clip was refused")
            ready: set[str] = set()
            while len(ready) < clips:
                rows = str(await page.recv()).split('<article id="')[1:]
                ready |= {row.partition('"')[0] for row in rows if "audio/mp4" in row}
            return time.perf_counter() - begun


async def _send(sending: Sending) -> str:
    """How the answer begins."""
    reader, writer = await sending.send(len(sending.body))
    answer = (await reader.readline()).decode()
    writer.close()
    return answer[:12]


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 -m bench.voices", description=__doc__)
    parser.add_argument("--rate", type=float, default=100.0, help="texts a second")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clips", type=int, default=CLIPS)
    return parser.parse_args(sys.argv[1:])


if __name__ == "__main__":
    options = _read_options()
    asyncio.run(measure(options.rate, options.rounds, options.clips))
