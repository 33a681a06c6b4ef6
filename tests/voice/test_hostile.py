"""Files that mean harm are refused with a sentence, within their limits, and reach nothing and nobody."""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from browsing import ON_SQLITE
from conftest import OpenHouse
from killing import KillableHouse
from parlour.rates import Rate
from parlour.voice.workers import PACKAGES
from parlour.voice.workshop import NoRecording, RecordingTooLong, Workshop
from people import Person
from refusals import check_refusal
from voice.canary import canary
from voice.hostile import HTML, many_tracks, polyglots, refused_files, six_hours_of_silence
from voice.voices import WEBM, prepared, sources, speak

KEY = "0123456789abcdef"
GROWTH_MIB = 16
CPU_S = 12


@pytest.fixture
async def dee(open_house: OpenHouse) -> AsyncIterator[Person]:
    """Somebody who sends what she should not, in a house that lets her try often."""
    async with Person(await open_house(rate_uploads=Rate(10_000, 60))) as dee:
        yield await dee.sign_up("Dee")


@ON_SQLITE
async def test_what_is_no_recording_is_told_so_and_the_caption_is_kept(tmp_path: Path, database_url: str) -> None:
    kept = tmp_path / "recordings" / "somebody-elses.webm"
    kept.parent.mkdir()
    kept.write_bytes(WEBM.content)
    with KillableHouse(tmp_path, database_url) as house:
        async with Person(house.url) as dee, canary() as bird:
            await dee.sign_up("Dee")
            notes = await dee.meet("Dee")
            path = f"/conversations/{notes}/messages"
            check_refusal(await speak(dee, notes, HTML, "mine", key=KEY), 415, path, text="mine", key=KEY)
            before = house.resident_mib
            for what, content in refused_files(bird.url, str(kept)):
                page = await speak(dee, notes, content, "a caption", key=KEY, hx_request="true")
                assert page.status == 415, what
                check_refusal(page, 415, path, text="a caption", key=KEY)
            assert bird.touched == 0
            assert house.resident_mib - before < GROWTH_MIB
            assert (await dee.get(f"/conversations/{notes}")).articles == []
        assert "Traceback" not in house.log.read_text()
        assert list(kept.parent.iterdir()) == [kept]


@ON_SQLITE
async def test_what_is_too_long_is_told_so_and_the_caption_is_kept(open_house: OpenHouse) -> None:
    async with Person(await open_house(recording_limit_s=5)) as dee:
        await dee.sign_up("Dee")
        notes = await dee.meet("Dee")
        path = f"/conversations/{notes}/messages"
        for content in (six_hours_of_silence(), WEBM.content):
            check_refusal(await speak(dee, notes, content, "too much"), 422, path, text="too much")


async def test_a_process_that_reads_a_bomb_takes_little_time_and_memory() -> None:
    for bomb, refusal in ((six_hours_of_silence(), RecordingTooLong), (many_tracks(), NoRecording)):
        workshop = Workshop(900)
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as target:
            source.write(bomb)
            source.flush()
            with pytest.raises(refusal):
                await workshop.listen(source, target, whose=1)
        await workshop.stop()  # what its processes took is known when they are gone
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < CPU_S
        assert time.monotonic() - begun < 4 * CPU_S


LIMITED = """
import socket, sys
sys.path.insert(0, sys.argv[1])
from parlour.voice.workbench import take_limits
take_limits(5)
for name, reach in {"a file": lambda: open("/etc/hostname"), "a connection": socket.socket}.items():
    try:
        reach()
    except OSError:
        continue
    print(name)
"""


def test_the_process_that_reads_can_open_no_file_and_no_connection() -> None:
    command = [sys.executable, "-I", "-c", LIMITED, PACKAGES]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == ""


@ON_SQLITE
async def test_a_recording_that_is_something_else_too_is_kept_as_a_recording_alone(dee: Person) -> None:
    notes = await dee.meet("Dee")
    for what, content in polyglots():
        assert HTML in content
        assert (await speak(dee, notes, content)).status == 303, what
    for article in await prepared(dee, notes):
        for source in sources(article):
            heard = await dee.client.get(source)
            assert b"<script>" not in heard.content
            assert heard.headers["content-type"].startswith("audio/")
            assert heard.headers["x-content-type-options"] == "nosniff"
