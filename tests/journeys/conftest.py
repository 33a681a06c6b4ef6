"""What every journey begins with: a browser for each person, and Ada and Bo in one conversation."""

from collections.abc import AsyncIterator
from functools import partial

import pytest
from playwright.async_api import Browser

from browsing import Door, Pair, Seat, visitors
from conftest import OpenHouse
from recording import speaking_browser


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
    return partial(seat_two, door)


@pytest.fixture
async def pair(seat: Seat, house: str) -> Pair:
    return await seat(house)


async def seat_two(door: Door, url: str) -> Pair:
    ada, bo = await door.open_for(url, "Ada"), await door.open_for(url, "Bo")
    await bo.enrol()
    await ada.come_in("Bo")
    await bo.go(f"/conversations/{ada.conversation}")
    return Pair(ada, bo, ada.conversation)


@pytest.fixture(scope="session")
async def speaking() -> AsyncIterator[Browser]:
    """A browser with a microphone that somebody speaks into."""
    async with speaking_browser() as browser:
        yield browser


@pytest.fixture
async def speaking_door(speaking: Browser, open_house: OpenHouse) -> AsyncIterator[Door]:
    """Lets people in whose browsers have a microphone."""
    async with visitors(speaking) as opened:
        yield opened


@pytest.fixture
async def speakers(speaking_door: Door, house: str) -> Pair:
    return await seat_two(speaking_door, house)
