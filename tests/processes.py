"""A server process for the tests: started in a private folder, waited for, ended, and cleared away."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self, TypedDict

START_S = 30
POLL_S = 0.02
STOP_S = 20
LOG_TAIL_CHARACTERS = 3000
PR_SET_PDEATHSIG = 1  # Linux, linux/prctl.h

Command = list[str | Path]


class As(TypedDict, total=False):
    """Whom a process runs as; nothing means as ourselves."""

    user: int
    group: int
    extra_groups: list[int]


class Server:
    """A process in a folder of its own; `with` waits until it answers, and ends it afterwards."""

    stop_signal = signal.SIGKILL

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="parlour-"))
        self.log = self.folder / "log"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        if self.process:
            self.process.send_signal(self.stop_signal)
            self.process.wait(STOP_S)
        shutil.rmtree(self.folder, ignore_errors=True)

    def spawn(
        self,
        command: Command,
        is_ready: Callable[[], bool],
        environ: Mapping[str, str] | None = None,
        run_as: As | None = None,
    ) -> None:
        """Starts `command` and waits until it is ready; else raises RuntimeError with its last words."""
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env={**os.environ, **(environ or {})},
                start_new_session=True,  # Ctrl-C is for pytest, which then stops us in its own order
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
                **(run_as or As()),
            )
        for _ in range(round(START_S / POLL_S)):
            if is_ready():
                return
            try:
                self.process.wait(POLL_S)
            except subprocess.TimeoutExpired:
                continue  # it still runs, so it may yet be ready
            break
        raise RuntimeError(self.log.read_text(errors="replace")[-LOG_TAIL_CHARACTERS:])


def free_ports(count: int) -> list[int]:
    """Loopback ports that are free now; held together first, so that no two are the same."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def knock(port: int) -> bool:
    """Whether somebody listens on a loopback port."""
    try:
        socket.create_connection(("127.0.0.1", port), 0.3).close()
    except OSError:
        return False
    return True


def _die_with_parent() -> None:
    """Asks Linux to end this process with its parent, so that a killed pytest leaves none behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
