"""A voice message is recorded, paused, heard again, discarded, brought back: by pointer and by keyboard."""

import re

import pytest
from playwright.async_api import Locator, expect

from browsing import Door, Visitor, visitors
from recording import Heard, Recorder, discarded, expect_no_barrier, seconds_of, speaking_browser, takes_kept, unsent

THREE_OR_FOUR = re.compile("0:0[34]")
OPENS_LATE = """
() => {
  const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  window.opened = [];
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const stream = await open(wanted);
    setTimeout(() => (document.body.dataset.opened = window.opened.push(...stream.getTracks())));
    return stream;
  };
}
"""
RECORDER_IS_THERE = "() => customElements.whenDefined('voice-recorder').then(() => true)"
OTHER_FINGER_GOES = """
() => document.body.dispatchEvent(new PointerEvent("pointerup", { pointerId: 77, pointerType: "touch", bubbles: true }))
"""


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What happens in the browser is the same on either database."""
    return sqlite_url


@pytest.fixture
async def ada(speaking_door: Door, house: str) -> Visitor:
    """Ada before her own notes, in a browser with a microphone."""
    return await at_her_notes(speaking_door, house)


async def at_her_notes(door: Door, url: str) -> Visitor:
    visitor = await door.open_for(url, "Ada")
    await visitor.come_in("Ada")
    return visitor


async def test_what_is_recorded_is_paused_heard_sought_and_brought_back(ada: Visitor) -> None:
    recorder = Recorder(ada)
    await ada.box.fill("what it is about")
    await recorder.record("0:02")
    assert await seconds_of(recorder.level) >= 0
    await ada.press("Pause")
    await expect(recorder.button("Continue")).to_be_focused()
    before = await recorder.timer.inner_text()
    await expect_no_barrier(ada.page)
    await expect(recorder.timer).to_have_text(before)
    await recorder.review("0:03")
    await expect(recorder.play).to_be_focused()
    [file] = await recorder.chosen()
    assert file["name"] == "recording.webm"
    assert file["type"] == "audio/webm"
    assert 3 <= await seconds_of(recorder.position, "max") < 4.2
    await expect_no_barrier(ada.page)
    await recorder.play.click()
    await expect(recorder.position).not_to_have_attribute("aria-valuenow", "0")
    await recorder.position.press("End")
    await expect(recorder.play).to_be_visible()
    await recorder.position.press("Home")
    assert await seconds_of(recorder.position) == 0
    await recorder.position.click()
    assert 1 < await seconds_of(recorder.position) < 2.5
    await ada.press("Discard")
    assert await recorder.chosen() == []
    await ada.press("Undo")
    await expect(recorder.play).to_be_visible()
    assert len(await recorder.chosen()) == 1
    await expect(ada.box).to_have_value("what it is about")
    await ada.press("Record again")
    await expect(recorder.timer).to_have_text("0:01")
    await expect(discarded(ada.page)).to_contain_text(THREE_OR_FOUR)
    await expect_no_barrier(ada.page)
    await ada.press("Done")
    await expect(recorder.play).to_be_visible()
    await discarded(ada.page).get_by_role("button", name="Undo", exact=True).click()
    await expect(unsent(ada.page)).to_contain_text(THREE_OR_FOUR)
    await expect(unsent(ada.page).get_by_role("button", name="Listen", exact=True)).to_be_focused()
    await ada.press("Discard recording")
    await expect(discarded(ada.page).get_by_role("button", name="Undo", exact=True)).to_be_focused()
    await ada.press("Undo")
    await expect(unsent(ada.page)).to_be_visible()
    await ada.press("Record again")
    await expect(recorder.timer).to_have_text("0:01")
    await expect(discarded(ada.page)).to_be_visible()
    await ada.press("Discard")
    await expect(unsent(ada.page)).to_have_count(2)
    assert (await takes_kept(ada.page))[0] == 3
    await unsent(ada.page).first.get_by_role("button", name="Discard recording", exact=True).click()
    await expect(discarded(ada.page)).to_be_visible()
    await recorder.button("Undo").click()
    await recorder.button("Record again").click()
    await expect(recorder.timer).to_have_text("0:01")
    await ada.press("Send")
    await expect(Heard(ada, "what it is about").play).to_be_visible()
    await expect(unsent(ada.page)).to_have_count(1)


async def test_a_recorder_is_worked_by_keyboard_alone(ada: Visitor) -> None:
    recorder, keyboard = Recorder(ada), ada.page.keyboard
    await ada.box.focus()
    for name in ("Audio file", "Record voice message"):
        await keyboard.press("Tab")
        await expect(ada.page.get_by_role("button", name=name, exact=True)).to_be_focused()
    await hold_enter(ada, recorder.button("Pause"))
    await expect(recorder.timer).to_have_text("0:01")
    await keyboard.press("Space")
    await expect(recorder.button("Continue")).to_be_focused()
    await keyboard.press("Tab")
    await expect(recorder.button("Done")).to_be_focused()
    await keyboard.press("Enter")
    await expect(recorder.play).to_be_focused()
    await keyboard.press("Tab")
    await expect(recorder.position).to_be_focused()
    await keyboard.press("ArrowRight")
    assert await seconds_of(recorder.position) == await seconds_of(recorder.position, "max")
    await recorder.button("Discard").focus()
    await hold_enter(ada, recorder.button("Undo"))


async def hold_enter(visitor: Visitor, onto: Locator) -> None:
    """Keeps the key down for long enough that it is repeated once the focus has moved on."""
    await visitor.page.keyboard.down("Enter")
    await expect(onto).to_be_focused()
    await visitor.page.keyboard.down("Enter")
    await visitor.page.keyboard.up("Enter")
    await expect(onto).to_be_focused()


async def test_a_button_that_is_held_records_until_it_is_let_go(ada: Visitor) -> None:
    recorder, mouse = Recorder(ada), ada.page.mouse
    await recorder.start.hover()
    await ada.page.evaluate(RECORDER_IS_THERE)  # of a button that was pressed before, no script knows the finger
    await mouse.down()
    await expect(recorder.button("Pause")).to_be_visible()
    await ada.page.evaluate(OTHER_FINGER_GOES)
    await expect(recorder.timer).to_have_text("0:01")
    await mouse.up()
    await expect(recorder.play).to_be_visible()
    await ada.press("Discard")
    await recorder.start.hover()
    await mouse.down()
    await expect(recorder.button("Pause")).to_be_visible()
    await mouse.up()
    await expect(ada.page.locator("#composer-alert")).to_contain_text("tap it once")
    await expect(recorder.group).to_have_count(0)


async def test_who_may_not_use_a_microphone_is_told_what_to_do(house: str) -> None:
    async with speaking_browser(allowed=False) as browser, visitors(browser) as door:
        ada = await at_her_notes(door, house)
        await ada.press("Record voice message")
        await expect(ada.page.locator("#composer-alert")).to_contain_text("Allow it for this site")
        await expect(Recorder(ada).group).to_have_count(0)
        await expect_no_barrier(ada.page)


async def test_who_has_no_microphone_is_told_what_to_do(door: Door, house: str) -> None:
    ada = await at_her_notes(door, house)
    await ada.press("Record voice message")
    await expect(ada.page.locator("#composer-alert")).to_contain_text("No microphone was found.")
    await expect(Recorder(ada).group).to_have_count(0)


async def test_a_recording_that_is_as_long_as_may_be_stops_into_review(ada: Visitor) -> None:
    recorder = Recorder(ada)
    await ada.page.locator("voice-recorder").evaluate("(recorder) => { recorder.dataset.limit = '3'; }")
    await recorder.record("0:01")
    await expect(recorder.words).to_have_text("Less than ten seconds left.")
    await expect(recorder.play).to_be_visible()
    await expect(recorder.words).to_contain_text("as long as a recording can be")
    assert 2.7 < await seconds_of(recorder.position, "max") < 3.6

    await ada.page.evaluate("window.setInterval = () => 0")  # as good as none, in a tab that is out of sight
    await ada.press("Record again")
    await expect(recorder.play).to_be_hidden()
    await expect(recorder.play).to_be_visible()
    await expect(recorder.words).to_contain_text("as long as a recording can be")
    assert 2.7 < await seconds_of(recorder.position, "max") < 3.5


async def test_who_changes_their_mind_before_the_microphone_opens_loses_nothing_and_is_not_heard(ada: Visitor) -> None:
    recorder = Recorder(ada)
    await recorder.review("0:01")
    await ada.page.evaluate(OPENS_LATE)
    await ada.press("Record again")
    await expect(recorder.play).to_be_hidden()
    await ada.press("Discard")
    await expect(recorder.play).to_be_visible()
    await expect(ada.page.locator("body")).to_have_attribute("data-opened", "1")
    await expect(recorder.play).to_be_visible()
    assert len(await recorder.chosen()) == 1
    assert (await takes_kept(ada.page))[0] == 1
    await ada.press("Discard")

    await recorder.start.hover()
    await ada.page.mouse.down()
    await expect(recorder.words).to_contain_text("Waiting for the microphone")
    await ada.page.mouse.up()
    await expect(ada.page.locator("#composer-alert")).to_contain_text("Hold the button while you speak")
    await expect(ada.page.locator("body")).to_have_attribute("data-opened", "2")
    await expect(recorder.group).to_have_count(0)
    assert await ada.page.evaluate("window.opened.every((track) => track.readyState === 'ended')")
