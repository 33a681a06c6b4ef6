"""What the process of its own does that reads a recording: it takes limits upon itself, works, and says what it found.

The recording may be made to harm whoever opens it. So this process has little memory and time, can open no file and no
connection whatever it is told to, and ends with the server that started it. It imports nothing of ours but its work.
"""

import ctypes
import errno
import json
import os
import resource
import signal
import struct
import sys
import traceback
from typing import BinaryIO

import av
import av.subtitles.stream  # which av asks for only once a file is open, when nothing can be opened any more
import av.video.stream

from parlour.voice.formats import Kind, NoSound
from parlour.voice.job import Job
from parlour.voice.listening import TooLong, listen
from parlour.voice.rendition import make_rendition

MEMORY_BYTES = 768 * 1024 * 1024  # of addresses; the libraries alone take a third
WRITTEN_BYTES = 64 * 1024 * 1024
PR_SET_PDEATHSIG = 1  # Linux, linux/prctl.h
# Linux, `struct sched_attr` in linux/sched/types.h: size, policy, flags, nice, priority, runtime, deadline, period.
SCHED_ATTR = struct.Struct("IIQiIQQQ")
SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
TURN_NS = 100_000  # the least that Linux gives
NICEST = 19


def be_quiet() -> None:
    """Has the libraries write nothing of what they meet."""
    av.logging.set_level(None)


def work(job: Job, line: int, source: int, target: int) -> None:
    """Reads the one descriptor, writes to the other, and says as JSON what came of it; then nothing is left to do."""
    if job["yields"]:
        os.nice(NICEST)  # nobody waits for it
    take_limits(job["cpu_s"])
    os.lseek(source, 0, os.SEEK_SET)
    os.lseek(target, 0, os.SEEK_SET)
    os.ftruncate(target, 0)  # another process may have begun it
    with os.fdopen(source, "rb") as read, os.fdopen(target, "w+b") as written:
        try:
            found = _work(job, read, written)
        except TooLong:
            found = {"refused": "long"}
        except (NoSound, av.FFmpegError, ValueError, IndexError, MemoryError, EOFError) as error:
            full = isinstance(error, OSError) and error.errno == errno.ENOSPC
            found = {"refused": "no room" if full else "no sound"}
        except Exception as error:  # a mistake of ours, which whoever keeps the server should hear of
            place = traceback.extract_tb(error.__traceback__)[-1]
            mistake = f"{type(error).__name__}, {place.name}:{place.lineno}"
            _say(line, {"refused": "no sound", "mistake": mistake})
            raise
    _say(line, found)


def _say(line: int, found: dict[str, object]) -> None:
    os.write(line, json.dumps(found).encode() + b"\n")


def _work(job: Job, source: BinaryIO, written: BinaryIO) -> dict[str, object]:
    if job["what"] == "rendition":
        make_rendition(source, Kind(job["kind"]), written)
        return {}
    codec, heard = listen(source, Kind(job["kind"]), job["longest_s"], written)
    return {"codec": codec, "seconds": heard.seconds, "peaks": list(heard.levels.bars())}


def take_limits(cpu_s: int) -> None:
    """From here on this process can do little harm, whatever it reads."""
    if sys.platform == "linux":
        take_short_turns()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))  # at the first it ends as if by its own fault
    resource.setrlimit(resource.RLIMIT_FSIZE, (WRITTEN_BYTES, WRITTEN_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))  # those that are open stay so, and nothing else ever is


def take_short_turns() -> None:
    """Has Linux (since 6.12; before, it takes no notice) give it the core for 0.1 ms where others want it, not for 3.

    As nice as it is already. Batch or idle it is not: Linux takes a core that works for these for a free one.
    Where that is refused, as a container may do, it keeps the turns that it has: others then wait a little longer.
    """
    if call := SCHED_SETATTR.get(os.uname().machine):
        nice = os.getpriority(os.PRIO_PROCESS, 0)
        ctypes.CDLL(None).syscall(
            call, 0, SCHED_ATTR.pack(SCHED_ATTR.size, os.SCHED_OTHER, 0, nice, 0, TURN_NS, 0, 0), 0
        )
