"""With scripts off people still talk live: a page without an end in a frame, and what is typed stays beside it."""

import asyncio
import re
from pathlib import Path

from playwright.async_api import FrameLocator, Locator, expect

from browsing import ON_SQLITE, Door, Visitor
from conftest import OpenHouse
from killing import KillableHouse
from line import line_to
from people import PASSWORD, Person
from processes import free_ports
from voice.voices import WEBM

pytestmark = ON_SQLITE

WITHIN_A_SECOND_MS = 1_000
COMES_BACK_MS = 20_000
IDLE_WITHIN_MS = 30_000  # another rendition is made while the machine has nothing else to do


def frame(visitor: Visitor, title: str = "Live messages") -> FrameLocator:
    return visitor.page.frame_locator(f'iframe[title="{title}"]')


def row(visitor: Visitor, text: str) -> Locator:
    return frame(visitor).get_by_role("article").filter(has_text=text)


async def expect_soon(*rows: Locator) -> None:
    for each in rows:
        await expect(each).to_be_in_viewport(timeout=WITHIN_A_SECOND_MS)
        await expect(each).to_have_count(1)


async def go_to(moment_s: int, line: Locator) -> None:
    """Puts what the style does to a line by time alone to a moment after its beginning."""
    await line.evaluate(
        "(line, ms) => line.getAnimations().forEach((each) => { each.currentTime = ms; })", 1_000 * moment_s
    )


def shown(visitor: Visitor) -> Locator:
    """What the messages of the live page say, oldest first."""
    return frame(visitor).locator("article .text")


async def come_back(visitor: Visitor) -> None:
    """Presses the link that stands on a live page once nothing was heard for a while."""
    silent = frame(visitor).get_by_text("Nothing was heard for a while.").last
    await go_to(36, silent)
    await silent.get_by_role("link", name="Reload", exact=True).click(no_wait_after=True)


async def sit_down(door: Door, url: str, *, bo_has_scripts: bool) -> tuple[Visitor, Visitor]:
    """Ada, who has no scripts, and Bo, both in their conversation."""
    ada, bo = await door.open_for(url, "Ada", scripts=False), await door.open_for(url, "Bo", scripts=bo_has_scripts)
    await bo.enrol()
    await ada.come_in("Bo")
    await bo.go(f"/conversations/{ada.conversation}")
    return ada, bo


async def test_one_without_scripts_and_one_with_them_talk(house: str, door: Door) -> None:
    ada, bo = await sit_down(door, house, bo_has_scripts=True)
    await expect(frame(ada).get_by_text("New messages appear here")).to_be_visible()
    await ada.box.fill("I am still typing")
    for number in range(12):
        await bo.say(f"word {number}, and more of them so that it takes its place")
        await expect_soon(row(ada, f"word {number},"))
    await (await bo.open_menu("word 3,")).get_by_role("link", name="Edit", exact=True).click()
    await bo.fill("Edit message", "another word")
    await bo.press("Save")
    changed = frame(ada).get_by_role("link", name="Edited: another word", exact=True)
    await expect(changed).to_be_in_viewport(timeout=2 * WITHIN_A_SECOND_MS)
    await (await bo.open_menu("word 4,")).get_by_role("link", name="Delete", exact=True).click()
    await bo.press("Delete message")
    await expect(frame(ada).get_by_role("link", name=re.compile("^Deleted: "))).to_be_in_viewport()
    for number, shown in ((3, False), (4, False), (5, True)):
        await expect(row(ada, f"word {number},").locator(".text")).to_be_visible(visible=shown)
    await expect(ada.box).to_have_value("I am still typing")
    await ada.press("Send")
    await expect(ada.texts).to_have_count(13)
    await expect(bo.texts.last).to_have_text("I am still typing")
    await bo.say("and on we go")
    await expect_soon(row(ada, "and on we go"))
    silent = frame(ada).get_by_text("Nothing was heard for a while.").last
    await go_to(34, silent)
    await expect(silent).to_be_hidden()
    await go_to(36, silent)
    await expect(silent.get_by_role("link", name="Reload", exact=True)).to_be_in_viewport()
    await bo.say("I was thinking")
    await expect_soon(row(ada, "I was thinking"))
    await expect(silent).to_be_hidden()


async def test_two_without_scripts_talk_in_frames_and_posting_starts_no_stream_anew(house: str, door: Door) -> None:
    ada, bo = await sit_down(door, house, bo_has_scripts=False)
    for visitor in (ada, bo):
        await visitor.follow("Live without scripts")
    boxes = {each.name: frame(each, "Write a message").get_by_label("Message", exact=True) for each in (ada, bo)}
    for number in range(3):
        for sender, reader in ((ada, bo), (bo, ada)):
            await boxes[reader.name].fill("half a thought")
            await boxes[sender.name].fill(f"{sender.name} {number}")
            await frame(sender, "Write a message").get_by_role("button", name="Send", exact=True).click()
            await expect_soon(row(sender, f"{sender.name} {number}"), row(reader, f"{sender.name} {number}"))
            await expect(boxes[sender.name]).to_have_value("")
            await expect(boxes[reader.name]).to_have_value("half a thought")
    texts = [f"{name} {number}" for number in range(3) for name in ("Ada", "Bo")]
    await expect(shown(ada)).to_have_text(texts)
    await (
        frame(ada, "Write a message")
        .get_by_label("Audio file", exact=True)
        .set_input_files({"name": "voice.webm", "mimeType": "audio/webm", "buffer": WEBM.content})
    )
    await frame(ada, "Write a message").get_by_role("button", name="Send", exact=True).click()
    spoken = frame(bo).get_by_role("article").last
    sound = spoken.get_by_label("Voice message, 0:06", exact=True)
    await expect(sound).to_be_in_viewport()
    await expect(spoken.get_by_text("Preparing")).to_be_hidden(timeout=IDLE_WITHIN_MS)
    await expect(frame(bo).locator("audio")).to_have_count(1)
    await sound.evaluate("(audio) => audio.play()")
    await expect(sound).to_have_js_property("paused", value=False)
    alert = frame(ada, "Write a message").get_by_role("alert")
    for status, text, sentence, kept in (
        (413, "x" * 300_000, "too large to send", ""),
        (422, "x" * 10_001, "10,000", "x" * 10_001),
    ):
        ada.means_status(status)
        await boxes["Ada"].fill(text)
        await frame(ada, "Write a message").get_by_role("button", name="Send", exact=True).click()
        await expect(alert).to_contain_text(sentence)
        await expect(alert).to_be_in_viewport()
        await expect(boxes["Ada"]).to_have_value(kept)
        file = frame(ada, "Write a message").get_by_label("Audio file", exact=True)
        await expect(file).to_be_in_viewport(ratio=1)
    await boxes["Ada"].fill("what I have not said yet")
    async with Person(house) as elsewhere:
        await elsewhere.sign_in("Ada")
        await elsewhere.post("/settings/sessions/end-all")
    ada.means_status(401)
    await frame(ada, "Write a message").get_by_role("button", name="Send", exact=True).click()
    signing_in = frame(ada, "Write a message")
    await signing_in.get_by_label("Username", exact=True).fill("Ada")
    await signing_in.get_by_label("Password", exact=True).fill(PASSWORD)
    await expect(signing_in.get_by_role("button", name="Sign in", exact=True)).to_be_in_viewport(ratio=1)
    await signing_in.get_by_role("button", name="Sign in", exact=True).click()
    await expect(ada.box).to_have_value("what I have not said yet")


async def test_the_refreshing_page_comes_anew_and_stands_still_for_whoever_writes(house: str, door: Door) -> None:
    ada, bo = await sit_down(door, house, bo_has_scripts=True)
    await ada.follow("Refreshing page")
    await ada.page.get_by_label("Refresh every", exact=True).select_option(label="5 seconds")
    await ada.press("Apply")
    await expect(ada.page.get_by_text("should have come anew")).to_be_hidden()
    await bo.say("hello")
    await expect(ada.texts).to_have_text(["hello"])
    await bo.say("are you there?")
    await expect(ada.texts).to_have_text(["hello", "are you there?"])
    await ada.follow("Write a message")
    await ada.say("yes")
    await expect(ada.page).to_have_url(re.compile("every=5"))
    await expect(ada.texts).to_have_text(["hello", "are you there?", "yes"])
    await ada.page.get_by_label("Refresh every", exact=True).select_option(label="Manual only")
    await ada.press("Apply")
    await bo.say("only when asked for")
    await ada.follow("Reload")
    await expect(ada.texts.last).to_have_text("only when asked for")


async def test_the_inbox_counts_live(house: str, door: Door) -> None:
    ada, bo = await sit_down(door, house, bo_has_scripts=True)
    await ada.go("/")
    inbox = frame(ada, "Live inbox")
    await expect(inbox.get_by_text("Nothing is unread")).to_be_visible()
    for number in (1, 2, 3):
        await bo.say(f"word {number}")
        entry = inbox.get_by_role("listitem").filter(has_text="Bo")
        await expect(entry).to_contain_text(f"{number} unread", timeout=WITHIN_A_SECOND_MS)
        await expect(entry).to_have_count(1)
    await inbox.get_by_role("link").first.click()
    await expect(ada.texts).to_have_count(3)


async def test_a_page_that_is_old_goes_on_as_a_new_one(open_house: OpenHouse, door: Door) -> None:
    ada = await door.open_for(await open_house(live_page_age_s=2), "Ada", scripts=False)
    await ada.sign_up()
    talk = await ada.meet("Ada")
    async with Person(ada.url) as elsewhere:
        await elsewhere.sign_in("Ada")
        await ada.follow("Live without scripts")
        for number in range(3):
            if number:  # an old page has just gone on as a new one
                await ada.page.wait_for_event("framenavigated")
            await elsewhere.say(talk, f"word {number}")
            await expect(shown(ada)).to_have_text([f"word {number}"])
    await frame(ada).get_by_role("link", name="Show earlier messages", exact=True).click()
    await expect(shown(ada)).to_have_text(["word 0", "word 1", "word 2"])


async def let_ada_in(door: Door, url: str, bo: Person) -> tuple[Visitor, int]:
    """Ada, who has no scripts, in her conversation with Bo, who opens a new connection for each thing he says."""
    bo.client.headers["connection"] = "close"
    await bo.sign_up("Bo")
    ada = await door.open_for(url, "Ada", scripts=False)
    ada.means_cuts()
    await ada.sign_up()
    talk = await ada.meet("Bo")
    await ada.follow("Live without scripts")
    await bo.say(talk, "before")
    await expect(shown(ada)).to_have_text(["before"])
    return ada, talk


async def test_a_page_whose_line_was_cut_or_hung_goes_on_where_it_was(open_house: OpenHouse, door: Door) -> None:
    server_port, port = free_ports(2)
    url = f"http://127.0.0.1:{port}"
    await open_house(port=server_port, base_url=url)
    async with line_to(server_port, port) as line, Person(url) as bo:
        ada, talk = await let_ada_in(door, url, bo)
        line.cut()
        await bo.say(talk, "after the cut")
        await come_back(ada)
        await expect(shown(ada)).to_have_text(["after the cut"])
        line.hang()
        saying = asyncio.create_task(bo.say(talk, "while it hung"))
        await come_back(ada)
        line.go_on()
        await saying
        await expect(shown(ada)).to_have_text(["while it hung"])
        await frame(ada).get_by_role("link", name="Show earlier messages", exact=True).click()
        await expect(shown(ada)).to_have_text(["before", "after the cut", "while it hung"])
        await ada.context.close()


async def test_a_page_comes_back_after_a_restart_and_a_kill_with_all_that_was_said(
    database_url: str, tmp_path: Path, door: Door
) -> None:
    with KillableHouse(tmp_path, database_url) as house:
        async with Person(house.url) as bo:
            ada, talk = await let_ada_in(door, house.url, bo)
            house.end()
            house.start()
            await bo.say(talk, "meanwhile")
            await expect(row(ada, "meanwhile")).to_be_visible(timeout=COMES_BACK_MS)
            await bo.say(talk, "after")
            await expect(shown(ada)).to_have_text(["meanwhile", "after"])
            house.kill()
            house.start()
            await bo.say(talk, "none the worse")
            await come_back(ada)
            await expect(shown(ada)).to_have_text(["none the worse"])
            await frame(ada).get_by_role("link", name="Show earlier messages", exact=True).click()
            await expect(shown(ada)).to_have_text(["before", "meanwhile", "after", "none the worse"])
        await ada.context.close()
