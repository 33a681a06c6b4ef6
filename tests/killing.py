"""A Parlour that can be killed: a process of its own, started again on the same port with the same data."""

import resource
import sys
from pathlib import Path

from processes import Command, Server, free_ports, knock

PLENTY = "100000/60s"


class KillableHouse(Server):
    """Parlour as people run it, at `url`.

    `kill` ends it as a power cut does, `end` as an operator does, `start` brings it back.
    """

    def __init__(self, data: Path, database_url: str, **settings: str) -> None:
        super().__init__()
        self._port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self._port}"
        self._data = data
        rates = ("POSTS", "SIGN_INS", "ADDRESS", "SIGN_UPS", "CONVERSATIONS", "UPLOADS")
        self._settings = {f"PARLOUR_RATE_{name}": PLENTY for name in rates} | {"PARLOUR_DATABASE_URL": database_url}
        self._settings |= settings

    def start(self) -> None:
        command: Command = [sys.executable, "-m", "parlour", "serve"]
        command += ["--port", str(self._port), "--data", self._data]
        self.spawn(command, lambda: knock(self._port), self._settings)

    def end(self) -> None:
        """Ends it as an operator does."""
        assert self.process
        self.process.terminate()
        self.process.wait()
        assert "Traceback" not in self.log.read_text()

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait()
        assert "Traceback" not in self.log.read_text()

    @property
    def resident_mib(self) -> float:
        """The memory that the server itself uses."""
        assert self.process
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 2**20
