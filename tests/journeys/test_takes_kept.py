"""No take is lost: not by a killed tab, a lost line, an ended session, a refusal, or a change of mind."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Dialog, Route, expect

from browsing import Door, Visitor
from conftest import OpenHouse
from killing import KillableHouse
from parlour.rates import Rate
from people import Person
from recording import SAMPLES, Heard, Recorder, expect_nothing_kept, seconds_of, takes_kept, unsent

SECONDS_LOST_AT_MOST = 1.5
UNTIL_SENT = """
(bar, share) => new Promise((resolve) => {
  const look = () => (bar.value >= share ? resolve() : requestAnimationFrame(look));
  look();
})
"""

# Notes whatever is played, and keeps it from ending by itself.
SOUNDS_GO_ON = """
() => {
  window.sounds = [];
  const { play } = HTMLMediaElement.prototype;
  HTMLMediaElement.prototype.play = function () {
    this.loop = true;
    window.sounds.push(this);
    return play.call(this);
  };
}
"""


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What is kept in the browser is the same on either database."""
    return sqlite_url


async def at_her_notes(door: Door, url: str) -> Visitor:
    visitor = await door.open_for(url, "Ada")
    await visitor.come_in("Ada")
    return visitor


@pytest.fixture
async def ada(speaking_door: Door, house: str) -> Visitor:
    """Ada before her own notes, in a browser with a microphone."""
    return await at_her_notes(speaking_door, house)


async def kill_tab(visitor: Visitor) -> None:
    """The tab's process dies, as it does when a machine runs out of memory."""
    session = await visitor.context.new_cdp_session(visitor.page)
    async with visitor.page.expect_event("crash"):
        crashing = asyncio.ensure_future(session.send("Page.crash"))
    crashing.cancel()


async def test_a_killed_tab_leaves_its_take_to_be_heard_and_sent(ada: Visitor) -> None:
    path = f"/conversations/{ada.conversation}"
    await ada.box.fill("about the train")
    await Recorder(ada).record("0:04")
    await kill_tab(ada)
    await ada.new_tab(path)
    left = unsent(ada.page)
    await expect(left).to_contain_text("about the train")
    await expect(ada.box).to_have_value("")
    await ada.press("Listen")
    await expect(left.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    assert 4 - SECONDS_LOST_AT_MOST <= await seconds_of(left.get_by_role("slider", name="Position"), "max") < 5
    await ada.page.reload()
    await ada.press("Send recording")
    message = Heard(ada, "about the train")
    await expect(message.play).to_be_visible()
    assert 4 - SECONDS_LOST_AT_MOST <= await seconds_of(message.position, "max") < 5
    await expect(left).to_have_count(0)
    assert await takes_kept(ada.page) == (0, 0)


async def test_a_session_that_ends_while_one_records_takes_nothing_away(ada: Visitor) -> None:
    ada.means_status(401)
    recorder = Recorder(ada)
    await recorder.record("0:01")
    async with Person(ada.url) as elsewhere:
        await elsewhere.sign_in("Ada")
        await elsewhere.post("/settings/sessions/end-all")
    await recorder.button("Done").click()
    await expect(recorder.play).to_be_visible()
    await ada.say("said in time")
    await expect(ada.page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    await ada.sign_in()
    await expect(unsent(ada.page)).to_contain_text("said in time")
    await ada.press("Send recording")
    await expect(Heard(ada, "said in time").play).to_be_visible()
    await expect(unsent(ada.page)).to_have_count(0)
    await expect(ada.log.get_by_role("article")).to_have_count(1)


async def test_what_is_sent_without_a_line_goes_by_itself_once_there_is_one(ada: Visitor) -> None:
    ada.means_cuts()
    await Recorder(ada).review("0:01")
    await ada.context.set_offline(True)
    await ada.say("out in the woods")
    await expect(unsent(ada.page)).to_contain_text("It is tried again by itself.")
    await expect(ada.box).to_have_value("")
    await ada.context.set_offline(False)
    await expect(Heard(ada, "out in the woods").play).to_be_visible()
    await expect(unsent(ada.page)).to_have_count(0)
    await ada.page.reload()
    await expect(ada.log.get_by_role("article")).to_have_count(1)


async def test_an_upload_shows_how_far_it_is_and_can_be_called_off(ada: Visitor) -> None:
    ada.means_cuts()
    held: asyncio.Queue[Route] = asyncio.Queue()
    recorder = Recorder(ada)
    await recorder.review("0:01")
    await ada.page.route("**/messages", held.put)
    await ada.say("on second thoughts")
    await expect(ada.page.get_by_role("progressbar", name="Sending recording", exact=True)).to_be_visible()
    under_way = await held.get()
    await ada.press("Cancel")
    await under_way.abort()
    await ada.page.unroute("**/messages")
    await expect(recorder.play).to_be_visible()
    await expect(ada.box).to_have_value("on second thoughts")
    await ada.press("Send")
    await expect(Heard(ada, "on second thoughts").play).to_be_visible()
    await expect(ada.log.get_by_role("article")).to_have_count(1)

    async def hold_the_answer(route: Route) -> None:
        await route.fetch()
        await held.put(route)

    await recorder.review("0:01")
    await ada.page.route("**/messages", hold_the_answer)
    await ada.say("called off too late")
    await expect(Heard(ada, "called off too late").play).to_be_visible()
    under_way = await held.get()
    await ada.press("Cancel")
    await under_way.abort()
    await ada.page.unroute("**/messages")
    await expect(ada.page.locator("#composer-alert")).to_contain_text("It had been sent")
    await expect(recorder.group).to_have_count(0)
    await expect(ada.box).to_have_value("")
    await expect_nothing_kept(ada.page)


async def test_a_refused_recording_is_back_in_the_composer_with_its_caption(
    speaking_door: Door, open_house: OpenHouse
) -> None:
    ada = await at_her_notes(speaking_door, await open_house(rate_uploads=Rate(1, 60)))
    ada.means_status(415)
    ada.means_status(429)
    recorder, alert = Recorder(ada), ada.page.locator("#composer-alert")
    chooser = ada.page.get_by_label("Audio file", exact=True)
    await chooser.set_input_files({"name": "tune.mp3", "mimeType": "audio/mpeg", "buffer": b"no sound at all"})
    await ada.say("listen to this")
    await expect(alert).to_contain_text("no recording that can be played")
    await expect(recorder.play).to_be_visible()
    await expect(ada.box).to_have_value("listen to this")
    assert [file["name"] for file in await recorder.chosen()] == ["tune.mp3"]
    await ada.press("Discard")
    await recorder.review("0:01")
    await ada.press("Send")
    await expect(alert).to_contain_text("too often")
    await expect(recorder.play).to_be_visible()
    await ada.page.reload()
    await expect(unsent(ada.page)).to_contain_text("listen to this")
    await ada.press("Discard recording")
    await expect(unsent(ada.page)).to_have_count(0)
    await ada.press("Undo")
    await expect(recorder.play).to_be_visible()
    await expect(ada.box).to_have_value("listen to this")
    await ada.press("Discard")
    await expect(recorder.button("Undo")).to_be_visible()
    await ada.page.reload()
    await expect_nothing_kept(ada.page)
    await expect(unsent(ada.page)).to_have_count(0)


async def test_a_chosen_file_is_sent_as_it_is_and_what_was_listened_to_before_is_silent(ada: Visitor) -> None:
    recorder = Recorder(ada)
    await recorder.review("0:01")
    await ada.page.evaluate(SOUNDS_GO_ON)
    await recorder.play.click()
    await expect(recorder.button("Pause")).to_be_visible()
    await ada.page.get_by_label("Audio file", exact=True).set_input_files(SAMPLES / "phone.m4a")
    await ada.say("from my phone")
    message = Heard(ada, "from my phone")
    await expect(message.play).to_be_visible()
    assert await seconds_of(message.position, "max") == pytest.approx(7.7, abs=0.1)
    assert await ada.page.evaluate("window.sounds.length > 0 && window.sounds.every((sound) => sound.paused)")
    await expect(unsent(ada.page)).to_be_visible()
    assert (await takes_kept(ada.page))[0] == 1


async def test_a_browser_that_can_keep_nothing_says_so_and_asks_before_it_loses_it(ada: Visitor) -> None:
    session = await ada.context.new_cdp_session(ada.page)
    await session.send("Storage.overrideQuotaForOrigin", {"origin": ada.url, "quotaSize": 1})
    recorder = Recorder(ada)
    await recorder.record("0:02")
    await expect(recorder.words).to_contain_text("send it before you leave this page")
    await recorder.button("Done").click()
    await expect(recorder.play).to_be_visible()
    await expect(recorder.words).to_contain_text("send it before you leave this page")
    asked: list[str] = []

    async def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        await dialog.dismiss()

    ada.page.on("dialog", stay)
    await ada.page.evaluate("location.assign('/settings')")
    await expect(recorder.play).to_be_visible()
    await ada.say("sent in time")
    await expect(Heard(ada, "sent in time").play).to_be_visible()
    assert asked == ["beforeunload"]


async def test_a_server_that_is_killed_under_an_upload_gets_it_once(
    speaking_door: Door, tmp_path: Path, database_url: str
) -> None:
    with KillableHouse(tmp_path, database_url) as house:
        ada = await at_her_notes(speaking_door, house.url)
        ada.means_cuts()
        network = await ada.context.new_cdp_session(ada.page)
        slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 400_000}
        bar = ada.page.get_by_role("progressbar", name="Sending recording", exact=True)
        for share in (0.05, 0.5, 0.95):
            await network.send("Network.emulateNetworkConditions", slow)
            await ada.page.get_by_label("Audio file", exact=True).set_input_files(SAMPLES / "voice.wav")
            await ada.say(f"killed at {share:.0%}")
            await bar.evaluate(UNTIL_SENT, share)
            house.kill()
            await network.send("Network.emulateNetworkConditions", slow | {"uploadThroughput": -1})
            await expect(unsent(ada.page)).to_contain_text("It is tried again by itself.")
            house.start()
            await expect(Heard(ada, f"killed at {share:.0%}").play).to_be_visible()
            await expect(unsent(ada.page)).to_have_count(0)
        await ada.page.reload()
        await expect(ada.log.get_by_role("article")).to_have_count(3)
        assert await takes_kept(ada.page) == (0, 0)


async def test_an_answer_that_is_lost_does_not_make_a_second_message(ada: Visitor) -> None:
    ada.means_cuts()
    await Recorder(ada).review("0:01")
    lost: list[str] = []

    async def lose_the_answer(route: Route) -> None:
        lost.append((await route.fetch()).status_text)
        await route.abort()

    await ada.page.route("**/messages", lose_the_answer, times=1)
    await ada.say("once is enough")
    await expect(Heard(ada, "once is enough").play).to_be_visible()
    await expect(unsent(ada.page)).to_have_count(0)
    assert lost == ["OK"]
    await ada.page.reload()
    await expect(ada.log.get_by_role("article")).to_have_count(1)
