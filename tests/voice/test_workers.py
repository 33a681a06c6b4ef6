"""Each recording is read by a process of its own, forked by one that comes with the first and goes after a rest."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from parlour.errors import Unavailable
from parlour.voice import workers
from parlour.voice import workshop as module
from parlour.voice.job import Job
from parlour.voice.workers import PACKAGES, Workers
from parlour.voice.workshop import NoRecording, RecordingTooLong, Workshop
from people import PATIENCE_S
from voice.hostile import six_hours_of_silence
from voice.voices import WEBM

FORKS_SPIES = """
import json, os, signal, socket, sys
sys.path.insert(0, sys.argv[1])
from parlour.voice.fork_server import ForkServer

def spy(job, line, source, target):
    held = {name: os.path.realpath(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")}
    own = {str(line), str(source), str(target), "1", "2"}
    besides = [held[name] for name in held.keys() - own if "/proc/" not in held[name]]
    os.write(line, json.dumps({"process": os.getpid(), "besides": besides}).encode())
    signal.pause()

ForkServer(socket.socket(fileno=0), spy, 1).serve()
"""


# What Linux says of a process: `struct sched_attr`, as `workbench` writes it.
HOW_IT_IS_GIVEN_TIME = """
import ctypes, os, platform, sys
sys.path.insert(0, sys.argv[1])
from parlour.voice import workbench

def told():
    said = ctypes.create_string_buffer(workbench.SCHED_ATTR.size)
    call = {"x86_64": 315, "aarch64": 275}[os.uname().machine]
    assert not ctypes.CDLL(None).syscall(call, 0, said, len(said), 0)
    return workbench.SCHED_ATTR.unpack(said.raw)[1:6]

os.nice(19)
workbench.take_short_turns()
policy, _flags, nice, _priority, turn_ns = told()
tells_turns = tuple(map(int, platform.release().split(".")[:2])) >= (6, 12)
print(policy == os.SCHED_OTHER, nice, turn_ns == workbench.TURN_NS if tells_turns else True)
"""


HOW_NICE_IT_IS = """
import os, sys
sys.path.insert(0, sys.argv[1])
from parlour.voice import workbench
workbench._work = lambda job, source, written: {"nice": os.getpriority(os.PRIO_PROCESS, 0)}
os.nice(10)
files = [os.open(".", os.O_TMPFILE | os.O_RDWR) for _ in range(2)]
workbench.work({"cpu_s": 9, "yields": sys.argv[2] == "yields"}, 1, *files)
"""


NOTHING = Job(what="listen", kind="webm", cpu_s=1, longest_s=1.0, yields=False)


@pytest.fixture
async def workshop() -> AsyncIterator[Workshop]:
    workshop = Workshop(3_600)
    yield workshop
    await workshop.stop()


def test_a_process_is_no_idle_one_to_linux_but_gives_way_to_all_others_soon() -> None:
    command = [sys.executable, "-I", "-c", HOW_IT_IS_GIVEN_TIME, PACKAGES]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "True 19 True\n"


@pytest.mark.parametrize(("how", "nice"), [("for somebody", 10), ("yields", 19)])
def test_what_nobody_waits_for_is_as_nice_as_can_be(how: str, nice: int, tmp_path: Path) -> None:
    command = [sys.executable, "-I", "-c", HOW_NICE_IT_IS, PACKAGES, how]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert json.loads(said) == {"nice": nice}


async def test_what_is_read_while_all_is_to_stop_is_finished_soon_or_to_be_sent_again(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FINISH_WITHIN_S", 0.2)
    asked = asyncio.Event()

    async def read_without_end(*_: object) -> bytes:
        asked.set()
        await asyncio.Event().wait()
        return b""

    monkeypatch.setattr(workshop._workers, "do", read_without_end)
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as target:
        source.write(WEBM.content)
        source.flush()
        listening = asyncio.create_task(workshop.listen(source, target, whose=1))
        await asked.wait()
        workshop.close()
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(Unavailable):
                await listening


async def test_a_process_holds_nothing_of_another_and_ends_when_nobody_waits_for_it() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, tempfile.TemporaryFile() as file:
        server = subprocess.Popen([sys.executable, "-I", "-c", FORKS_SPIES, PACKAGES], stdin=theirs.fileno())
        lines = [hand(ours, file.fileno()) for _ in range(3)]
        found = [json.loads(line.recv(4096)) for line in lines]
        assert [each["besides"] for each in found] == [[], [], []]
        lines.pop(1).close()
        await gone(found.pop(1)["process"])
        assert all(is_there(each["process"]) for each in found)
        ours.close()
        theirs.close()
        assert await asyncio.to_thread(server.wait, PATIENCE_S) == 0
        assert not any(is_there(each["process"]) for each in found)
        for line in lines:
            line.close()


def hand(control: socket.socket, file: int, yields: bool = False) -> socket.socket:
    """The line on which the process for a new job answers."""
    ours, theirs = socket.socketpair()
    ours.settimeout(PATIENCE_S)
    with theirs:
        socket.send_fds(control, [json.dumps({"yields": yields}).encode()], [theirs.fileno(), file, file])
    return ours


async def test_work_is_done_though_the_process_that_forks_is_killed_before_and_meanwhile(workshop: Workshop) -> None:
    assert await listen(workshop, WEBM.content) > 0
    [forking] = forking_processes()
    os.kill(forking, signal.SIGKILL)
    assert await listen(workshop, WEBM.content) > 0
    [forking] = forking_processes()
    listening = asyncio.create_task(listen(workshop, six_hours_of_silence()))
    [process] = await forked_by(forking)
    os.kill(forking, signal.SIGKILL)
    with pytest.raises(RecordingTooLong):  # which only who has read it from its beginning can know
        await listening
    await gone(process)


async def test_a_process_that_yields_stands_still_while_others_work() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, tempfile.TemporaryFile() as file:
        server = subprocess.Popen([sys.executable, "-I", "-c", FORKS_SPIES, PACKAGES], stdin=theirs.fileno())
        yielding = hand(ours, file.fileno(), yields=True)
        process = json.loads(yielding.recv(4096))["process"]
        await until(lambda: state(process) == "S")
        other = hand(ours, file.fileno())
        await until(lambda: state(process) == "T")
        other.close()
        await until(lambda: state(process) == "S")
        yielding.close()
        await gone(process)
        ours.close()
        theirs.close()
        assert await asyncio.to_thread(server.wait, PATIENCE_S) == 0


def state(process: int) -> str:
    """A letter: S for one that waits, T for one that was stopped."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]


async def test_a_recording_is_not_to_blame_for_a_process_that_is_killed(workshop: Workshop) -> None:
    assert await listen(workshop, WEBM.content) > 0
    [forking] = forking_processes()
    listening = asyncio.create_task(listen(workshop, six_hours_of_silence()))
    [process] = await forked_by(forking)
    os.kill(process, signal.SIGKILL)  # as one does who wants its memory
    await gone(process)
    [process] = await forked_by(forking)
    os.kill(process, signal.SIGTERM)
    with pytest.raises(Unavailable):
        await listening
    assert await listen(workshop, WEBM.content) > 0


async def test_a_recording_is_to_blame_for_a_process_that_reaches_its_limit(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LISTENING", msgspec.structs.replace(module.LISTENING, cpu_s=1, cpu_share=0))
    with pytest.raises(NoRecording):
        await listen(workshop, six_hours_of_silence())


async def test_a_process_whose_work_is_called_off_ends_at_once(workshop: Workshop) -> None:
    assert await listen(workshop, WEBM.content) > 0
    [forking] = forking_processes()
    listening = asyncio.create_task(listen(workshop, six_hours_of_silence()))
    [process] = await forked_by(forking)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    await gone(process)
    assert await listen(workshop, WEBM.content) > 0
    assert forking_processes() == [forking]


async def test_nothing_is_kept_of_the_server_and_nothing_for_long(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "IDLE_S", 0.3)
    assert forking_processes() == []
    assert await listen(workshop, WEBM.content) > 0
    [forking] = forking_processes()
    assert Path(f"/proc/{forking}/environ").read_bytes() == b""
    assert Path(f"/proc/{forking}/cwd").readlink() == Path("/")
    files = {str(path.readlink()) for path in Path(f"/proc/{forking}/fd").iterdir()}
    assert {file.partition(":")[0] for file in files} == {"socket", "/dev/null"}
    await gone(forking)


async def test_a_mistake_of_ours_is_told_with_its_place(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "Job", lambda **job: job | {"longest_s": "an hour"})
    with pytest.raises(NoRecording):
        await listen(workshop, WEBM.content)
    assert "by a mistake of ours: TypeError, _note:" in caplog.text


async def test_a_process_that_cannot_be_had_is_no_fault_of_the_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "BEGIN", "")
    without = Workers(1)
    with pytest.raises(Unavailable), tempfile.TemporaryFile() as file:
        await without.do(NOTHING, file, file)
    await without.stop()
    assert forking_processes() == []


async def listen(workshop: Workshop, content: bytes) -> float:
    """How long it is, in seconds."""
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as target:
        source.write(content)
        source.flush()
        return (await workshop.listen(source, target, whose=1)).seconds


def forking_processes() -> list[int]:
    return [child for child in children(os.getpid()) if b"fork_server" in Path(f"/proc/{child}/cmdline").read_bytes()]


def children(process: int) -> list[int]:
    threads = Path(f"/proc/{process}/task").iterdir()
    return [int(child) for thread in threads for child in (thread / "children").read_text().split()]


async def forked_by(process: int) -> list[int]:
    """As soon as there are any."""
    await until(lambda: bool(children(process)))
    return children(process)


async def gone(process: int) -> None:
    await until(lambda: not is_there(process))


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await asyncio.sleep(0.005)


def is_there(process: int) -> bool:
    return Path(f"/proc/{process}").exists()
