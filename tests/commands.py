"""The command line as a process of its own: what a command answers, and a server that was started by hand."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE_S = 60


def environment(settings: dict[str, str]) -> dict[str, str]:
    """Ours without any setting of a Parlour, and these."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PARLOUR_")} | settings


def command(*args: str | Path) -> list[str]:
    return [sys.executable, "-m", "parlour", *map(str, args)]


class Answer:
    """What a command said until it ended."""

    def __init__(self, *args: str | Path, stdin: str = "", **settings: str) -> None:
        done = subprocess.run(
            command(*args),
            input=stdin,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            env=environment(settings),
            check=False,
            timeout=PATIENCE_S,
        )
        self.status, self.said, self.complained = done.returncode, done.stdout, done.stderr

    @property
    def refusal(self) -> str:
        """The one sentence with which the command refused."""
        assert self.status == 1, (self.status, self.complained)
        assert self.said == ""
        assert re.fullmatch(r"parlour: [A-Z'/{\[][^\n]*\.\n", self.complained), self.complained
        return self.complained


class Serving:
    """A server as a process of its own."""

    def __init__(self, data: Path, *args: str, **settings: str) -> None:
        self.process = subprocess.Popen(
            command("serve", "--data", data, *args),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(settings),
        )
        assert self.process.stdout
        self.line = self.process.stdout.readline()
        self.url = self.line.removeprefix("parlour: open ").strip()

    def end(self, how: signal.Signals) -> tuple[int, str]:
        """The exit status, and what else was said."""
        self.process.send_signal(how)
        said, complained = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, said + complained


@contextmanager
def serving(data: Path, *args: str, **settings: str) -> Iterator[Serving]:
    server = Serving(data, *(args or ("--port", "0")), **settings)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.communicate()
