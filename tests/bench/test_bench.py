"""The load generator, run small: under load nobody misses anything, hears it twice or out of order."""

import asyncio
import os
import sys
from pathlib import Path

from bench.lines import Heard
from bench.tally import Faults, Tally

TESTS = Path(__file__).resolve().parent.parent
SMALL = ("--pairs", "12", "--rate", "50", "--seconds", "1")


async def test_under_load_nothing_is_lost_doubled_or_out_of_order(database_url: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bench.measure", "--database", database_url, *SMALL),
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    assert "lost 0, doubled 0, out of order 0, refused 0" in said.decode()


def test_the_generator_notices_what_went_wrong() -> None:
    assert faults_of(heard=[1, 2, 3]) == Faults(0, 0, 0)
    assert faults_of(heard=[1, 3]) == Faults(lost=1, doubled=0, disordered=0)
    assert faults_of(heard=[1, 2, 2, 3]) == Faults(lost=0, doubled=1, disordered=0)
    assert faults_of(heard=[1, 3, 2]) == Faults(lost=0, doubled=0, disordered=1)


def faults_of(heard: list[int]) -> Faults:
    """Three messages were stored, and these came to the one page there is."""
    tally = Tally()
    tally.expect(conversation=7, page=0)
    for seq in (1, 2, 3):
        tally.stored(7, Heard(seq, sender=0, number=seq))
    for seq in heard:
        tally.heard(7, 0, Heard(seq, sender=0, number=seq), at=0.0)
    return tally.faults
