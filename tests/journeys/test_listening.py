"""Listening goes on: to the next message, under new and older ones, and while a row is drawn again."""

import datetime
import math
import re
import struct
import wave
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest
from playwright.async_api import expect
from sqlalchemy import update

from browsing import Door, Visitor
from parlour import db
from parlour.voice.models import Recording
from people import Person
from recording import Heard, seconds_of
from voice.voices import WEBM, prepared, speak

RATE_HZ = 16_000
TONE_HZ = 330
PAGE_AND_MORE = 52
UNTIL_BEYOND = """
(audio, seconds) => new Promise((resolve) => audio.addEventListener("timeupdate", () => {
  if (audio.paused || audio.currentTime < seconds) return;
  audio.pause();
  resolve();
}))
"""


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What happens in the browser is the same on either database."""
    return sqlite_url


@pytest.fixture
async def listener(door: Door, house: str) -> Visitor:
    visitor = await door.open_for(house, "Ada")
    await visitor.come_in()
    return visitor


@pytest.fixture
async def speaker(house: str) -> AsyncIterator[Person]:
    async with Person(house) as person:
        yield await person.sign_up("Bo")


def tone(seconds: float) -> bytes:
    """A wav file with a tone of that length."""
    samples = [
        round(8000 * math.sin(place / RATE_HZ * TONE_HZ * math.tau)) for place in range(round(seconds * RATE_HZ))
    ]
    file = BytesIO()
    with wave.open(file, "wb") as writing:
        writing.setnchannels(1)
        writing.setsampwidth(2)
        writing.setframerate(RATE_HZ)
        writing.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return file.getvalue()


async def test_it_goes_on_under_all_that_happens_and_to_the_next_but_not_past_a_text(
    listener: Visitor, speaker: Person
) -> None:
    talk = await speaker.meet("Ada")
    for number in range(PAGE_AND_MORE):
        await speaker.say(talk, f"text {number}")
    await speak(speaker, talk, tone(4), "the first", "first.wav")
    await speak(speaker, talk, tone(0.5), "the second", "second.wav")
    await speaker.say(talk, "something written")
    await speak(speaker, talk, tone(0.5), "the third", "third.wav")
    await prepared(speaker, talk)
    await listener.go(f"/conversations/{talk}")
    first, second, third = (Heard(listener, f"the {name}") for name in ("first", "second", "third"))

    await first.play.click()
    await expect(first.pause).to_be_visible()
    await listener.follow("Older messages")
    await expect(listener.article("text 0")).to_have_count(1)
    message = re.findall(r'id="message-(\d+)"', await first.article.evaluate("(article) => article.outerHTML"))[0]
    await speaker.submit(f"/messages/{message}/edit", f"/messages/{message}/edit", text="the first, in other words")
    await expect(first.article).to_contain_text("in other words")
    await expect(first.pause).to_be_visible()
    await expect(first.article).to_contain_text("Not heard yet")
    await expect(second.pause).to_be_visible()
    await expect(first.article).not_to_contain_text("Not heard yet")
    await expect(second.play).to_be_visible()
    await expect(second.article).not_to_contain_text("Not heard yet")
    assert await first.heard_s() > 3.9
    await expect(third.play).to_be_visible()
    await expect(third.article).to_contain_text("Not heard yet")
    await listener.page.reload()
    await expect(third.play).to_be_visible()
    for heard in (first, second):
        await expect(heard.article).not_to_contain_text("Not heard yet")
    await expect(third.article).to_contain_text("Not heard yet")


async def test_one_sound_at_a_time_and_who_jumps_has_not_heard(listener: Visitor, speaker: Person) -> None:
    talk = await speaker.meet("Ada")
    await speak(speaker, talk, tone(8), "one", "one.wav")
    await speak(speaker, talk, tone(8), "two", "two.wav")
    await prepared(speaker, talk)
    await listener.go(f"/conversations/{talk}")
    one, two = Heard(listener, "one"), Heard(listener, "two")
    await one.play.click()
    await expect(one.pause).to_be_visible()
    await two.play.click()
    await expect(two.pause).to_be_visible()
    await expect(one.play).to_be_visible()
    for key, seconds in (("Home", 0), ("ArrowRight", 5), ("ArrowRight", 8), ("ArrowLeft", 3), ("End", 8), ("Home", 0)):
        await one.position.press(key)
        assert await seconds_of(one.position) == pytest.approx(seconds, abs=0.3)
    await two.position.press("End")
    await expect(two.play).to_be_visible()
    for each in (one, two):
        await expect(each.article).to_contain_text("Not heard yet")
    await one.play.click()
    await expect(one.pause).to_be_visible()
    message = (await one.article.get_attribute("id") or "").removeprefix("message-")
    listener.means(r"status of 404 .*/recordings/\d+/listened\)$")  # what is told in the very moment of the deletion
    await speaker.submit(f"/messages/{message}/delete", f"/messages/{message}/delete")
    await expect(listener.log).to_contain_text("Message deleted")
    await two.play.click()
    await expect(two.pause).to_be_visible()


async def test_a_stretch_that_is_heard_again_after_a_reload_counts_once_and_the_rest_is_added(
    listener: Visitor, speaker: Person
) -> None:
    talk = await speaker.meet("Ada")
    await speak(speaker, talk, tone(3), "twice", "twice.wav")
    await listener.go(f"/conversations/{talk}")
    heard = Heard(listener, "twice")
    async with Person(listener.url) as elsewhere:
        await elsewhere.sign_in("Ada")
        notes = await elsewhere.meet("Ada")
        await speak(elsewhere, notes, tone(0.5))
        await elsewhere.post("/recordings/2/listened", {"position": "0", "speed": "2"})
    for speed in ("1×", "2×"):
        await expect(heard.button("Speed")).to_have_text(speed)
        await heard.position.press("Home")
        await heard.play.click()
        await heard.article.locator("audio").evaluate(UNTIL_BEYOND, 1.6)
        await expect(heard.article).to_contain_text("Not heard yet")
        await listener.load_again()
    await heard.play.click()
    await expect(heard.article).not_to_contain_text("Not heard yet")


async def test_what_cannot_be_played_says_so_and_can_be_once_it_is_there_again(
    listener: Visitor, speaker: Person, tmp_path: Path
) -> None:
    talk = await speaker.meet("Ada")
    await speak(speaker, talk, tone(2), "it comes and goes", "two.wav")
    await listener.go(f"/conversations/{talk}")
    elsewhere = Heard(listener, "it comes and goes")
    await listener.new_tab(f"/conversations/{talk}")
    heard = Heard(listener, "it comes and goes")
    listener.means_status(503)
    await listener.page.route("**/recordings/*.wav", lambda route: route.fulfill(status=503))
    await heard.play.click()
    await expect(heard.article).to_contain_text("It cannot be played just now.")
    await expect(heard.play).to_be_visible()
    await listener.page.unroute("**/recordings/*.wav")
    await heard.play.click()
    await expect(heard.pause).to_be_visible()
    await expect(heard.article).not_to_contain_text("It cannot be played just now.")
    for tab in (heard, elsewhere):
        await expect(tab.article).not_to_contain_text("Not heard yet")
    await speak(speaker, talk, tone(1), "it went away", "gone.wav")
    lost = Heard(listener, "it went away")
    await expect(lost.play).to_be_visible()
    for path in (tmp_path / "recordings").iterdir():
        path.unlink()
    listener.means_status(404)
    await lost.play.click()
    await expect(lost.article).to_contain_text("This recording is gone.")
    await expect(lost.play).to_be_visible()


async def test_what_this_browser_plays_is_played_while_it_is_prepared_for_others(
    listener: Visitor, speaker: Person, database_url: str
) -> None:
    talk = await speaker.meet("Ada")
    await speak(speaker, talk, WEBM.content, "early words")
    await prepared(speaker, talk)
    await listener.go("/")
    await set_preparing(database_url, datetime.datetime.now(datetime.UTC))
    await listener.go(f"/conversations/{talk}")
    heard = Heard(listener, "early words")
    await expect(heard.article).to_contain_text("Preparing")
    await heard.play.click()
    await expect(heard.pause).to_be_visible()
    await set_preparing(database_url, None)
    message = re.findall(r'id="message-(\d+)"', await heard.article.evaluate("(article) => article.outerHTML"))[0]
    await speaker.submit(f"/messages/{message}/edit", f"/messages/{message}/edit", text="early words, and ready")
    await expect(heard.article).to_contain_text("and ready")
    await expect(heard.article).not_to_contain_text("Preparing")
    await expect(heard.pause).to_be_visible()
    await expect(heard.article).not_to_contain_text("Not heard yet")
    assert await heard.heard_s() > 0.9 * WEBM.seconds - 0.5


async def set_preparing(database_url: str, taken_at: datetime.datetime | None) -> None:
    """Since when somebody has been preparing every recording; or nobody, as it is done."""
    database = db.connect(database_url, lambda _events: None)
    try:
        async with database.transaction() as writing:
            await writing.execute(update(Recording).values(preparing=taken_at is not None, taken_at=taken_at))
    finally:
        await database.close()
