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
import sys
from typing import BinaryIO

import av
import av.subtitles.stream  # which av asks for only once a file is open, when nothing can be opened any more
import av.video.stream

from parlour.voice.formats import Kind
from parlour.voice.listening import NoSound, TooLong, listen
from parlour.voice.rendition import make_rendition

MEMORY_BYTES = 768 * 1024 * 1024  # of addresses; the libraries alone take a third
WRITTEN_BYTES = 64 * 1024 * 1024
PR_SET_PDEATHSIG = 1  # Linux, linux/prctl.h


def main(job: str, kind: str, target: str, cpu_s: str, longest_s: str) -> None:
    """Reads the recording at standard input, writes to the descriptor `target`, and says as JSON what came of it."""
    take_limits(int(cpu_s))
    with os.fdopen(0, "rb") as source, os.fdopen(int(target), "w+b") as written:
        try:
            found = _work(job, Kind(kind), source, written, float(longest_s))
        except TooLong:
            found = {"refused": "long"}
        except (NoSound, av.FFmpegError, ValueError, IndexError, MemoryError, EOFError) as error:
            full = isinstance(error, OSError) and error.errno == errno.ENOSPC
            found = {"refused": "no room" if full else "no sound"}
    sys.stdout.write(json.dumps(found))


def _work(job: str, kind: Kind, source: BinaryIO, written: BinaryIO, longest_s: float) -> dict[str, object]:
    if job == "rendition":
        make_rendition(source, kind, written)
        return {}
    codec, heard = listen(source, kind, longest_s, written)
    return {"codec": codec, "seconds": float(heard.seconds), "peaks": list(heard.levels.bars())}


def take_limits(cpu_s: int) -> None:
    """From here on this process can do little harm, whatever it reads."""
    av.logging.set_level(None)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_FSIZE, (WRITTEN_BYTES, WRITTEN_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))  # those that are open stay so, and nothing else ever is
