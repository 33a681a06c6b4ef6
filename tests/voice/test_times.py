"""Whatever times a recording's packets say, it is heard to its end, and a player knows how long that is."""

import io
from collections.abc import AsyncIterator

import av
import pytest

from browsing import ON_SQLITE
from conftest import OpenHouse
from parlour.rates import Rate
from people import Person
from voice.odd_times import with_odd_times
from voice.voices import decoded_seconds, header_seconds, packets, prepared, sources, speak

NEAR_S = 0.06
CHAINED_NEAR_S = 0.1  # where one ends and another begins, a little is heard that neither lets hear alone


@pytest.fixture
async def dee(open_house: OpenHouse) -> AsyncIterator[Person]:
    """Somebody who speaks often."""
    async with Person(await open_house(rate_uploads=Rate(1_000, 60))) as dee:
        yield await dee.sign_up("Dee")


@ON_SQLITE
async def test_what_says_odd_times_is_heard_as_long_as_it_is(dee: Person) -> None:
    notes = await dee.meet("Dee")
    said = list(with_odd_times())
    for what, _, content in said:
        assert (await speak(dee, notes, content, what)).status == 303, what
    for (what, seconds, content), article in zip(said, await prepared(dee, notes), strict=True):
        for source in sources(article):
            heard = (await dee.client.get(source)).content
            assert abs(header_seconds(heard) - decoded_seconds(heard)) <= NEAR_S, what
            assert abs(header_seconds(heard) - seconds) <= CHAINED_NEAR_S, what
            assert abs(begins_s(heard)) <= NEAR_S, what
        assert packets((await dee.client.get(sources(article)[0])).content) == packets(content), what


def begins_s(content: bytes) -> float:
    with av.open(io.BytesIO(content), "r") as container:
        return (container.start_time or 0) / 1_000_000
