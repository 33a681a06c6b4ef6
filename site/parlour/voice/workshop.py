"""Has recordings read and written by a process of their own for each, a few at a time; the server itself never does."""

import asyncio
import logging
import math
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import BinaryIO

import msgspec

from parlour.errors import Refusal, Unavailable
from parlour.voice.formats import HEAD_BYTES, Kind, sniff
from parlour.voice.job import Job
from parlour.voice.turns import Turns
from parlour.voice.workers import Workers

log = logging.getLogger(__name__)

# One core is left to what people write: beside work on every core, the slowest of a hundred texts takes three times as
# long. A second rendition, for which nobody waits, stands still while others work.
CORES = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
AT_ONCE, RENDER_AT_ONCE = max(1, CORES - 1), 1
RETRY_AFTER_S = 5
SLACK_S = 0.5  # a recorder that stops at the limit may write a little more
WALL_FACTOR = 16  # a process may be given a small part of a core only, where others use them all
FINISH_WITHIN_S = 3.0  # once the server is to stop, which answers nobody after 4


class Sort(msgspec.Struct, frozen=True):
    """A sort of work, and how it is given time."""

    what: str
    cpu_s: int  # for the shortest recording
    cpu_share: float  # and for each second that one may be long: some five times what it takes on a machine of today
    yields: bool

    def cpu_limit_s(self, longest_s: float) -> int:
        """What a process may take, so that none reaches it by what an honest file costs on a slow machine."""
        return math.ceil(self.cpu_s + self.cpu_share * longest_s)

    def wall_limit_s(self, longest_s: float) -> int:
        return self.cpu_limit_s(longest_s) * WALL_FACTOR


LISTENING = Sort("listen", 10, 0.025, yields=False)  # for which somebody waits
RENDERING = Sort("rendition", 30, 0.08, yields=True)


class NoRecording(Refusal):
    """A file that is no recording, or one that is broken."""

    status = 415
    sentence = "This file is no recording that can be played here. Send one as webm, ogg, m4a, mp3 or wav."


class RecordingTooLong(Refusal):
    """A recording that goes on for longer than is taken."""

    sentence = "This recording is too long to send."


class Listened(msgspec.Struct, frozen=True):
    """What a recording turned out to be."""

    kind: Kind
    codec: str
    seconds: float
    peaks: bytes


class Answer(msgspec.Struct, frozen=True):
    """What the process says at its end."""

    refused: str = ""
    mistake: str = ""
    codec: str = ""
    seconds: float = 0.0
    peaks: list[int] = []


class Workshop:
    """Has the processes work, so many at once, and tells what they found."""

    def __init__(self, longest_s: int) -> None:
        self._longest_s = longest_s + SLACK_S
        self._listening, self._rendering = Turns(AT_ONCE), asyncio.Semaphore(RENDER_AT_ONCE)
        self._workers = Workers(AT_ONCE)
        self._at_work: set[asyncio.Timeout] = set()

    def close(self) -> None:
        """Has those who wait told to send their recordings again; what is at work is finished if that takes no time."""
        self._listening.close()
        now = asyncio.get_running_loop().time()
        for limit in self._at_work:
            if not limit.expired():
                limit.reschedule(now + FINISH_WITHIN_S)

    async def stop(self) -> None:
        """Ends what is at work."""
        await self._workers.stop()

    async def listen(self, source: BinaryIO, target: BinaryIO, whose: int) -> Listened:
        """Finds out what `source` is, and copies its sound, and nothing else of it, to `target`; by turns of persons.

        Raises NoRecording, RecordingTooLong, Unavailable, and as `Turns` does when too many wait already.
        """
        kind = sniff(os.pread(source.fileno(), HEAD_BYTES, 0))
        if not kind:
            raise NoRecording
        async with self._listening.turn(whose):
            answer = await self._run(LISTENING, kind, source, target)
        return Listened(kind, answer.codec, answer.seconds, bytes(answer.peaks))

    async def render(self, kind: Kind, source: BinaryIO, target: BinaryIO) -> None:
        """Writes `source` as m4a to `target`. Raises NoRecording, and Unavailable."""
        async with self._rendering:
            await self._run(RENDERING, kind, source, target)

    @asynccontextmanager
    async def _timeout(self, seconds: float) -> AsyncIterator[None]:
        """Raises TimeoutError after that, or soon where the workshop is closed before."""
        async with asyncio.timeout(seconds) as limit:
            self._at_work.add(limit)
            try:
                yield
            finally:
                self._at_work.discard(limit)

    async def _run(self, sort: Sort, kind: Kind, source: BinaryIO, target: BinaryIO) -> Answer:
        job = Job(
            what=sort.what,
            kind=kind,
            cpu_s=sort.cpu_limit_s(self._longest_s),
            longest_s=self._longest_s,
            yields=sort.yields,
        )
        try:
            async with self._timeout(sort.wall_limit_s(self._longest_s)):
                answer = msgspec.json.decode(await self._workers.do(job, source, target), type=Answer)
        except TimeoutError as error:  # it got no time, which says nothing of the recording
            raise Unavailable(RETRY_AFTER_S) from error
        except msgspec.DecodeError as error:  # it was ended by its limits, or by what it read
            raise NoRecording from error
        if answer.mistake:
            log.error("A recording could not be read, by a mistake of ours: %s.", answer.mistake)
        if answer.refused == "no room":
            raise Unavailable(RETRY_AFTER_S)
        if answer.refused:
            raise RecordingTooLong if answer.refused == "long" else NoRecording
        return answer
