"""What can be wrong around a microphone: silence, an insecure address, another tab, and haste."""

import math
import random
import wave
from array import array
from pathlib import Path

import pytest
from playwright.async_api import expect

from browsing import Door, Visitor, visitors
from conftest import OpenHouse
from processes import free_ports
from recording import SAMPLES, Heard, Recorder, seconds_of, speaking_browser, takes_kept, unsent

QUIET, DEAD, OFFSET = 184, 10, 40  # of 32,768: -45 dBFS, -70 dBFS, and where a cheap device hovers


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What happens in the browser is the same on either database."""
    return sqlite_url


async def at_her_notes(door: Door, url: str) -> Visitor:
    visitor = await door.open_for(url, "Ada")
    await visitor.come_in("Ada")
    return visitor


def dead_then_quiet(target: Path) -> Path:
    """Four seconds of what a muted microphone gives, and then somebody who speaks quietly."""
    with wave.open(str(SAMPLES / "voice.wav")) as reading:
        rate = reading.getframerate()
        speech = array("h", reading.readframes(4 * rate))
    loud = math.sqrt(sum(sample * sample for sample in speech) / len(speech))
    quiet = [round(sample * QUIET / loud) for sample in speech]
    some = random.Random(4)
    rustle = [OFFSET + round(some.gauss(0, DEAD)) for _ in range(4 * rate)]
    with wave.open(str(target), "wb") as writing:
        writing.setparams((1, 2, rate, 0, "NONE", ""))
        writing.writeframes(array("h", rustle + quiet).tobytes())
    return target


async def test_a_microphone_that_hears_nothing_is_said_to_but_not_who_speaks_quietly(
    house: str, tmp_path: Path
) -> None:
    async with (
        speaking_browser(voice=dead_then_quiet(tmp_path / "quiet.wav")) as browser,
        visitors(browser) as door,
    ):
        recorder = Recorder(await at_her_notes(door, house))
        await recorder.record("0:02")
        await expect(recorder.words).to_contain_text("We hear nothing.")
        await expect(recorder.words).to_be_hidden()
        await recorder.button("Done").click()
        await expect(recorder.play).to_be_visible()


async def test_an_insecure_address_cannot_record_but_sends_a_file(open_house: OpenHouse) -> None:
    port = free_ports(1)[0]
    url = await open_house(port=port, base_url=f"http://parlour.test:{port}")
    there = url.replace("127.0.0.1", "parlour.test")
    async with (
        speaking_browser("--host-resolver-rules=MAP parlour.test 127.0.0.1") as browser,
        visitors(browser) as door,
    ):
        ada = await door.open_for(there, "Ada")
        await ada.sign_up()
        await ada.meet("Ada")
        await ada.press("Record voice message")
        await expect(ada.page.locator("#composer-alert")).to_contain_text("Recording needs a secure connection")
        await expect(Recorder(ada).group).to_have_count(0)
        await ada.page.get_by_label("Audio file", exact=True).set_input_files(SAMPLES / "phone.m4a")
        await ada.say("from a file")
        message = Heard(ada, "from a file")
        await message.play.click()
        await expect(message.pause).to_be_visible()


async def test_one_tab_records_and_send_ends_it(speaking_door: Door, house: str) -> None:
    ada = await at_her_notes(speaking_door, house)
    recorder, recording = Recorder(ada), ada.page
    await recorder.record("0:01")
    await ada.new_tab(f"/conversations/{ada.conversation}")
    await ada.press("Record voice message")
    await expect(ada.page.locator("#composer-alert")).to_have_text("Another tab is recording. Finish there first.")
    await expect(Recorder(ada).group).to_have_count(0)
    await expect(unsent(ada.page)).to_have_count(0)
    await ada.page.close()
    ada.page = recording
    await ada.box.fill("sent in one go")
    await ada.page.get_by_role("button", name="Send", exact=True).dblclick()
    before = Heard(ada, "sent in one go")
    await expect(before.play).to_be_visible()
    await expect(recorder.group).to_have_count(0)
    await before.play.click()
    await recorder.record("0:01")
    await expect(before.play).to_be_visible()
    assert await seconds_of(before.position) < await seconds_of(before.position, "max")
    await before.article.locator("audio").evaluate("(audio) => { audio.loop = true; }")
    await before.play.click()
    await expect(recorder.button("Continue")).to_be_visible()
    await expect(before.pause).to_be_visible()
    await recorder.button("Continue").click()
    await expect(before.play).to_be_visible()
    await recorder.button("Pause").click()
    await ada.box.fill("sent from a pause")
    await ada.box.press("Enter")
    await expect(Heard(ada, "sent from a pause").play).to_be_visible()
    assert await takes_kept(ada.page) == (0, 0)
    await ada.page.reload()
    await expect(ada.log.get_by_role("article")).to_have_count(2)
