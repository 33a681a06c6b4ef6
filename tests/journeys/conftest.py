"""What every journey begins with: a browser for each person, and Ada and Bo in one conversation."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from browsing import Door, Pair, Seat, visitors
from conftest import OpenHouse


@pytest.fixture
async def door(chromium: Browser, open_house: OpenHouse) -> AsyncIterator[Door]:
    """Lets people with a browser in; a journey fails when a browser complained of anything.

    Every house outlives the browsers in it: they would complain that it is gone.
    """
    async with visitors(chromium) as opened:
        yield opened


@pytest.fixture
def seat(door: Door) -> Seat:
    """Signs Ada and Bo up at that address, and opens their conversation in both browsers."""

    async def seat_at(url: str) -> Pair:
        ada, bo = await door.open_for(url, "Ada"), await door.open_for(url, "Bo")
        await ada.sign_up()
        await bo.sign_up()
        conversation = await ada.meet("Bo")
        await bo.go(f"/conversations/{conversation}")
        return Pair(ada, bo, conversation)

    return seat_at


@pytest.fixture
async def pair(seat: Seat, house: str) -> Pair:
    return await seat(house)
