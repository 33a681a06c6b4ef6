"""Files without a name leave nothing behind, whoever goes away meanwhile."""

import asyncio
import threading
from pathlib import Path
from typing import BinaryIO

import pytest

from parlour import nameless
from parlour.nameless import nameless_file

PATIENCE_S = 10


async def test_a_file_is_there_as_long_as_it_is_held(tmp_path: Path) -> None:
    async with nameless_file(tmp_path) as file:
        file.write(b"something")
        assert not list(tmp_path.iterdir())
    assert file.closed


async def test_whoever_goes_away_while_it_is_opened_leaves_no_open_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_go_on, made = threading.Event(), threading.Event(), list[BinaryIO]()
    open_file = nameless._open

    def slowly(folder: Path) -> BinaryIO:
        begun.set()
        may_go_on.wait(PATIENCE_S)
        made.append(open_file(folder))
        return made[0]

    monkeypatch.setattr(nameless, "_open", slowly)

    async def hold() -> None:
        async with nameless_file(tmp_path):
            pass

    holding = asyncio.create_task(hold())
    await asyncio.to_thread(begun.wait, PATIENCE_S)
    holding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await holding
    may_go_on.set()
    async with asyncio.timeout(PATIENCE_S):
        while not made or not made[0].closed:
            await asyncio.sleep(0.01)
