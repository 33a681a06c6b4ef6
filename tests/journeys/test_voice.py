"""A voice message goes from one person's microphone to the other's ear, live, from either store."""

from collections.abc import Iterator

import pytest
from playwright.async_api import expect

from browsing import ON_SQLITE, Door, Pair
from conftest import OpenHouse
from journeys.conftest import seat_two
from recording import Heard, Recorder, expect_no_barrier, seconds_of
from services import ObjectStore
from voice.voices import packets, url_of

SAID = """
async () => {
  const [file] = document.getElementById("composer-recording").files;
  return Array.from(new Uint8Array(await file.arrayBuffer()));
}
"""


@pytest.fixture(scope="module")
def bucket() -> Iterator[ObjectStore]:
    with ObjectStore() as server:
        yield server


@pytest.fixture
async def speakers(
    request: pytest.FixtureRequest, speaking_door: Door, open_house: OpenHouse, database_url: str
) -> Pair:
    """Ada and Bo, in a small house that keeps all in files, or in a large one with PostgreSQL and an S3 store."""
    if database_url.startswith("sqlite"):
        return await seat_two(speaking_door, await open_house())
    far: ObjectStore = request.getfixturevalue("bucket")
    return await seat_two(speaking_door, await open_house(storage_url=url_of(far)))


async def test_what_one_says_the_other_hears_live_and_after_a_reload(speakers: Pair) -> None:
    ada, bo = speakers.ada, speakers.bo
    recorder = Recorder(ada)
    await recorder.record("0:01")
    await expect(bo.page.get_by_role("status", name="Activity", exact=True)).to_have_text("Ada is recording")
    await recorder.button("Pause").click()
    await recorder.review("0:04")
    await ada.say("the train is late")
    await expect(recorder.group).to_have_count(0)
    await expect(ada.box).to_have_value("")
    message = Heard(bo, "the train is late")
    await expect(message.play).to_be_visible()
    await expect(message.article).to_contain_text("Not heard yet")
    assert 4 <= await seconds_of(message.position, "max") < 5.5
    await expect(bo.entry("Ada")).to_contain_text("Voice message")
    await expect_no_barrier(bo.page)

    await message.button("Speed").click()
    await expect(message.button("Speed")).to_have_text("1.5×")
    await message.play.click()
    await expect(message.pause).to_be_visible()
    await ada.say("did you hear that?")
    await expect(bo.article("did you hear that?")).to_be_visible()
    await expect(message.pause).to_be_visible()
    await expect(message.play).to_be_visible()
    await expect(message.article).not_to_contain_text("Not heard yet")
    assert await seconds_of(message.position) == await seconds_of(message.position, "max")
    assert await message.heard_s() > 3.9

    tab = bo.page
    await bo.new_tab(f"/conversations/{bo.conversation}")
    elsewhere = Heard(bo, "the train is late")
    await expect(elsewhere.button("Speed")).to_have_text("1.5×")
    async with tab.expect_response("**/listened"):
        await message.position.click()
    middle = await seconds_of(message.position)
    assert 1.5 < middle < 3.5
    await expect(elsewhere.position).to_have_attribute("aria-valuenow", f"{middle:g}")
    await bo.page.close()
    bo.page = tab
    await bo.page.reload()
    await expect(message.button("Speed")).to_have_text("1.5×")
    assert abs(await seconds_of(message.position) - middle) < 0.2
    await expect(message.article).not_to_contain_text("Not heard yet")
    await message.play.click()
    await expect(message.pause).to_be_visible()
    await expect(message.play).to_be_visible()
    assert 1 < await message.heard_s() < 4


@ON_SQLITE
async def test_what_is_kept_far_away_is_packet_for_packet_what_the_microphone_heard(
    speaking_door: Door, open_house: OpenHouse, bucket: ObjectStore
) -> None:
    ada = await speaking_door.open_for(await open_house(storage_url=url_of(bucket)), "Ada")
    await ada.come_in("Ada")
    recorder = Recorder(ada)
    await recorder.record("0:01")
    await recorder.button("Pause").click()
    await recorder.review("0:03")
    said = bytes(await ada.page.evaluate(SAID))
    await ada.say("word for word")
    message = Heard(ada, "word for word")
    await message.play.click()
    await expect(message.pause).to_be_visible()
    await message.position.press("End")
    await expect(message.play).to_be_visible()
    await ada.page.reload()
    await message.position.click()
    assert 1 < await seconds_of(message.position) < 3
    await message.play.click()
    await expect(message.pause).to_be_visible()
    address = await message.article.locator("source").first.get_attribute("src")
    kept = await ada.page.request.get(f"{ada.url}{address}")
    assert packets(await kept.body()) == packets(said)
