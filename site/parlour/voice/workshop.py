"""Has recordings read and written by a process of their own for each, a few at a time; the server itself never does."""

import asyncio
import logging
import os
from typing import BinaryIO

import msgspec

from parlour.errors import Refusal, Unavailable
from parlour.voice.formats import HEAD_BYTES, Kind, sniff
from parlour.voice.turns import Turns
from parlour.voice.workers import Workers

log = logging.getLogger(__name__)

LISTEN_AT_ONCE, RENDER_AT_ONCE = max(1, (os.cpu_count() or 1) - 1), 1  # one core is left to what people write
RETRY_AFTER_S = 5
LISTEN_CPU_S, RENDER_CPU_S = 10, 60  # for the longest recording that a mean machine may be given
SLACK_S = 0.5  # a recorder that stops at the limit may write a little more
WALL_FACTOR = 4  # a process may be given a part of a core only
# How Linux gives them time: text goes before both. Somebody waits for the first; the second takes what nobody wants.
LISTEN_WHEN, RENDER_WHEN = "SCHED_BATCH", "SCHED_IDLE"


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
        self._listening, self._rendering = Turns(LISTEN_AT_ONCE), asyncio.Semaphore(RENDER_AT_ONCE)
        self._workers = Workers()

    def close(self) -> None:
        """Has those who wait told to send their recordings again; what is at work is finished."""
        self._listening.close()

    async def stop(self) -> None:
        """Ends what is at work."""
        await self._workers.stop()

    async def listen(self, source: BinaryIO, target: BinaryIO, whose: int) -> Listened:
        """Finds out what `source` is, and copies its sound, and nothing else of it, to `target`; by turns of persons.

        Raises NoRecording, RecordingTooLong, and as `Turns` does when too many wait already.
        """
        kind = sniff(os.pread(source.fileno(), HEAD_BYTES, 0))
        if not kind:
            raise NoRecording
        async with self._listening.turn(whose):
            answer = await self._run("listen", kind, source, target, LISTEN_CPU_S, LISTEN_WHEN)
        return Listened(kind, answer.codec, answer.seconds, bytes(answer.peaks))

    async def render(self, kind: Kind, source: BinaryIO, target: BinaryIO) -> None:
        """Writes `source` as m4a to `target`. Raises NoRecording."""
        async with self._rendering:
            await self._run("rendition", kind, source, target, RENDER_CPU_S, RENDER_WHEN)

    async def _run(self, job: str, kind: Kind, source: BinaryIO, target: BinaryIO, cpu_s: int, when: str) -> Answer:
        words = {"what": job, "kind": kind, "cpu_s": cpu_s, "longest_s": self._longest_s, "when": when}
        try:
            async with asyncio.timeout(cpu_s * WALL_FACTOR):
                answer = msgspec.json.decode(await self._workers.do(words, source, target), type=Answer)
        except (TimeoutError, msgspec.DecodeError) as error:  # it was ended by its limits, or by what it read
            raise NoRecording from error
        if answer.mistake:
            log.error("A recording could not be read, by a mistake of ours: %s.", answer.mistake)
        if answer.refused == "no room":
            raise Unavailable(RETRY_AFTER_S)
        if answer.refused:
            raise RecordingTooLong if answer.refused == "long" else NoRecording
        return answer
