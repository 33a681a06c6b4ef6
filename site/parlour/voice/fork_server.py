"""A process that has loaded what reads recordings, and forks for each; to load takes as long as to listen to a minute.

It reads none itself, holds nothing of them but the lines on which their processes answer, and ends with its own line.
"""

import contextlib
import gc
import json
import os
import resource
import select
import signal
import socket
from collections.abc import Callable, Iterable
from typing import NamedTuple

from parlour.voice import workbench
from parlour.voice.job import DESCRIPTORS, JOB_BYTES, KILLED, NO_ROOM, Job

CONTROL = 0  # standard input: here comes each job, in one piece
OUTPUTS = (1, 2)
# How a process ends by what it reads: by its limits, or by a mistake in the libraries.
BY_ITSELF = (
    signal.SIGXCPU,
    signal.SIGXFSZ,
    signal.SIGSEGV,
    signal.SIGBUS,
    signal.SIGABRT,
    signal.SIGFPE,
    signal.SIGILL,
    signal.SIGSYS,
    signal.SIGTRAP,
)

Work = Callable[[Job, int, int, int], None]


class Forked(NamedTuple):
    """A process at work."""

    line: socket.socket  # on which it answers
    yields: bool  # nobody waits for it, so it stands still where its core is wanted


class ForkServer:
    """Which processes are at work."""

    def __init__(self, control: socket.socket, work: Work, at_once: int) -> None:
        self._control = control
        self._work = work
        self._at_once = at_once
        self._at_work: dict[int, Forked] = {}
        self._woken, waking = socket.socketpair()
        for end in (self._woken, waking):
            end.setblocking(False)
        self._waking = waking  # a byte for each process that has ended
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waking.fileno())

    def serve(self) -> None:
        """Forks until the line is closed; what is still at work then is ended."""
        gc.freeze()  # so that a process does not copy what it only looks at
        while True:
            lines = [forked.line for forked in self._at_work.values()]
            ready, _, _ = select.select([self._control, self._woken, *lines], [], [])
            if self._woken in ready:
                self._woken.recv(JOB_BYTES)
            # A process says nothing after its answer; so what ends on its line is whoever waited for it.
            self._end(process for process, forked in self._at_work.items() if forked.line in ready)
            self._bury()
            if self._control in ready and not self._take():
                break
            self._share()
        self._end(self._at_work)
        self._bury(0)

    def _take(self) -> bool:
        """Forks for the next job; whether there was one."""
        said, descriptors, _flags, _address = socket.recv_fds(self._control, JOB_BYTES, DESCRIPTORS)
        if not said:
            return False
        number, source, target = descriptors
        line = socket.socket(fileno=number)
        job: Job = json.loads(said)
        try:
            process = os.fork()
        except OSError:  # too many processes, or too little memory
            line.sendall(NO_ROOM)
            line.close()
        else:
            if not process:
                self._become(job, number, source, target)
            self._at_work[process] = Forked(line, job["yields"])
        os.close(source)
        os.close(target)
        return True

    def _become(self, job: Job, line: int, source: int, target: int) -> None:
        """What a new process does: it lets go of what is not its own, works, and is gone."""
        ended = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            close_all_but(*OUTPUTS, line, source, target)
            self._work(job, line, source, target)
            ended = 0
        finally:
            os._exit(ended)

    def _share(self) -> None:
        """Has those go on that yield, as far as the others leave them a core, and the rest of them stand still."""
        yielding = [process for process, forked in self._at_work.items() if forked.yields]
        left = max(0, self._at_once - (len(self._at_work) - len(yielding)))
        for place, process in enumerate(yielding):
            os.kill(process, signal.SIGCONT if place < left else signal.SIGSTOP)

    def _end(self, processes: Iterable[int]) -> None:
        for process in list(processes):
            os.kill(process, signal.SIGKILL)  # it is not buried yet, so nobody else has its number

    def _bury(self, options: int = os.WNOHANG) -> None:
        while self._at_work:
            process, status = os.waitpid(-1, options)
            if not process:
                return
            with self._at_work.pop(process).line as line, contextlib.suppress(OSError):  # nobody may wait any more
                if os.WIFSIGNALED(status) and os.WTERMSIG(status) not in BY_ITSELF:
                    line.sendall(KILLED)


def close_all_but(*kept: int) -> None:
    """Closes every other descriptor that this process may have."""
    first = 0
    for descriptor in sorted(kept):
        os.closerange(first, descriptor)
        first = descriptor + 1
    os.closerange(first, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def main(at_once: int) -> None:
    workbench.be_quiet()
    ForkServer(socket.socket(fileno=CONTROL), workbench.work, at_once).serve()
