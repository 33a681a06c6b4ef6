"""The Parlour that is measured: a process of its own on a core of its own, and what it uses of both."""

import os
import sys
from pathlib import Path

from processes import Server, free_ports, knock

PLENTY = "10000000/60s"
LIMITS = {
    "PARLOUR_RATE_POSTS": PLENTY,
    "PARLOUR_RATE_UPLOADS": PLENTY,
    "PARLOUR_RATE_SIGN_INS": PLENTY,
    "PARLOUR_RATE_ADDRESS": PLENTY,
    "PARLOUR_RATE_SIGN_UPS": PLENTY,
    "PARLOUR_RATE_CONVERSATIONS": PLENTY,
    "PARLOUR_MAX_SOCKETS_PER_ADDRESS": "100000",
}
# The cores are taken before anything is started, so that every thread of the server stays on them.
SERVE = """
import os, sys
os.sched_setaffinity(0, map(int, sys.argv.pop(1).split(",")))
from parlour.cli import main
main()
"""
NS_IN_US = 1_000


class House(Server):
    """A Parlour with its limits raised, on these cores, that keeps what it has in `data` and the database."""

    def __init__(self, data: Path, database_url: str, *cores: int) -> None:
        super().__init__()
        self._data, self._database_url, self._cores = data, database_url, cores

    def start(self) -> None:
        self.port = free_ports(1)[0]
        command: list[str | Path] = [sys.executable, "-c", SERVE, ",".join(map(str, self._cores))]
        command += ["serve", "--port", str(self.port), "--data", self._data]
        environ = LIMITS | {"PARLOUR_DATABASE_URL": self._database_url}
        self.spawn(command, lambda: knock(self.port), environ)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def proportional_kib(self) -> int:
        """The memory that is the process's own, with its share of what it shares."""
        lines = (self._proc / "smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))

    @property
    def cpu_us(self) -> int:
        """How long its threads have run."""
        tasks = (self._proc / "task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) // NS_IN_US

    @property
    def _proc(self) -> Path:
        if not self.process:
            raise RuntimeError("the house is not open")
        return Path("/proc") / str(self.process.pid)


def two_cores() -> tuple[int, int]:
    """One for the house and one for the people; the same one where there is no other."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[0], cores[-1]
