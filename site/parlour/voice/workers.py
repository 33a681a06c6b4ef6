"""Our side of the processes that read recordings: a process that has loaded everything forks one for each."""

import asyncio
import json
import logging
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from parlour.errors import Unavailable
from parlour.voice.job import KILLED, Job

log = logging.getLogger(__name__)

RETRY_AFTER_S = 5
IDLE_S = 300.0  # as long it is kept with nothing to do: it holds some 50 MiB, and where its memory lies is not to last
ANSWER_BYTES = 4096
TRIES = 2  # whoever ended the process may have meant another one, or wanted its memory

PACKAGES = str(Path(__file__).resolve().parents[2])
# It knows nothing of the server: no variable, no folder, no file. To load what it works with is most of its own work,
# so it is nice before that, and so is all that it forks. Not as nice as can be, since somebody waits: beside others
# who use every core it still gets a tenth of one.
BEGIN = """
import os, sys
os.nice(10)
sys.path.insert(0, sys.argv[1])
from parlour.voice.fork_server import main
main(int(sys.argv[2]))
"""


class Running(msgspec.Struct):
    """The process that forks, and the line on which it is told to."""

    process: subprocess.Popen[bytes]
    control: socket.socket

    @property
    def gone(self) -> bool:
        """Whether the other end of the line is closed; nothing else ever comes on it."""
        try:
            return not self.control.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def end(self) -> None:
        """Ends it with all that it has at work; when this returns it is gone."""
        self.control.close()
        self.process.wait()


class Workers:
    """Starts that process when there is work, has it do the work, and ends it when there was none for long."""

    def __init__(self, at_once: int) -> None:
        """So many work at once; those that yield may be more, and stand still then."""
        self._at_once = at_once
        self._running: Running | None = None
        self._starting = asyncio.Lock()
        self._at_work = 0
        self._resting: asyncio.TimerHandle | None = None

    async def do(self, job: Job, source: BinaryIO, target: BinaryIO) -> bytes:
        """What a process says of the job; nothing where its limits ended it, or what it read. Cancelling ends it.

        Raises Unavailable where no process can be had.
        """
        with self._busy():
            for _ in range(TRIES):
                running = await self._get()
                said = await _ask(running, job, source, target)
                if said != KILLED and (said or not running.gone):
                    return said
                log.warning("A process that reads recordings was ended from outside.")
        raise Unavailable(RETRY_AFTER_S)

    async def stop(self) -> None:
        """Ends what is at work."""
        if self._resting:
            self._resting.cancel()
        if running := self._take():
            await asyncio.to_thread(running.end)

    @contextmanager
    def _busy(self) -> Iterator[None]:
        if self._resting:
            self._resting.cancel()
        self._at_work += 1
        try:
            yield
        finally:
            self._at_work -= 1
            if not self._at_work:
                self._resting = asyncio.get_running_loop().call_later(IDLE_S, self._rest)

    def _rest(self) -> None:
        if running := self._take():
            asyncio.get_running_loop().run_in_executor(None, running.end)

    def _take(self) -> Running | None:
        running, self._running = self._running, None
        return running

    async def _get(self) -> Running:
        """It is started from a thread: to copy what the server has in memory would hold all up."""
        async with self._starting:
            if self._running and self._running.gone:
                await self.stop()
            if not self._running:
                self._running = await asyncio.to_thread(_start, self._at_once)
            return self._running


async def _ask(running: Running, job: Job, source: BinaryIO, target: BinaryIO) -> bytes:
    ours, theirs = socket.socketpair()
    with ours:
        ours.setblocking(False)
        with theirs:
            descriptors = [theirs.fileno(), source.fileno(), target.fileno()]
            try:
                socket.send_fds(running.control, [json.dumps(job).encode()], descriptors)
            except OSError:  # it is gone
                return b""
        said = b""
        while not said.endswith(b"\n"):
            if not (more := await asyncio.get_running_loop().sock_recv(ours, ANSWER_BYTES)):
                return b""
            said += more
        return said


def _start(at_once: int) -> Running:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", BEGIN, PACKAGES, str(at_once)],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
        )
    return Running(process, ours)
