"""What a live page says of a message that has changed since it was written: in its own row, or in a line below."""

import re

import pytest

from browsing import ON_SQLITE
from following import Stream, change, live
from people import Person
from voice.voices import PHONE, WEBM, prepared, sources, speak

pytestmark = [ON_SQLITE, pytest.mark.usefixtures("quiet_log")]

HEARD = {"position": "6", "speed": "1", "heard": "1"}


def holds(page: Stream, what: str, message: int) -> bool:
    """Whether that still holds of a row: of radio buttons of one name a browser turns the last one on."""
    buttons = re.findall(rf'<input class="{what}" type="radio" name="{what}-{message}" [^>]*checked>', page.text)
    assert buttons, f"no row says {what!r}"
    return len(buttons) == 1


async def test_a_recording_says_in_its_own_row_how_far_it_has_come(ada: Person, bo: Person, talk: int) -> None:
    path = f"/conversations/{talk}/live"
    async with live(bo, path) as hearer, live(ada, path) as speaker:
        await hearer.hear("rows")
        await speaker.hear("rows")
        await speak(ada, talk, WEBM.content)
        row = await hearer.hear("<article")
        assert "Preparing" in row
        assert sources(row) == ["/recordings/1.webm", "/recordings/1.m4a"]
        await speaker.hear("<article")
        await hearer.hear('class="unready"')
        await speaker.hear('class="unready"')
        await bo.post("/recordings/1/listened", HEARD)
        await speaker.hear('class="unplayed"')
        await bo.say(talk, "I have heard it")
        for page in (hearer, speaker):
            await page.hear("I have heard it")
            assert not holds(page, "unready", 1)
            assert holds(page, "said", 1)
            assert "later" not in page.text
        assert not holds(speaker, "unplayed", 1)
        assert holds(hearer, "unplayed", 1)


async def test_what_was_said_otherwise_is_a_row_of_its_own(ada: Person, bo: Person, talk: int) -> None:
    async with live(bo, f"/conversations/{talk}/live") as reader, live(ada, f"/conversations/{talk}/live") as author:
        await ada.say(talk, "tow")
        await speak(ada, talk, PHONE.content, "a capt")
        await reader.hear("a capt")
        assert holds(reader, "said", 1)
        await change(ada, 1, "edit", text="two\n\nand https://example.org")
        line = await reader.hear("Edited")
        assert '<div class="message later">' in line
        assert '<a href="/messages/1">Edited<span class="sr">: two and https://example.org</span></a>' in line
        assert 'href="https://example.org"' in line
        assert not holds(reader, "said", 1)
        await change(ada, 2, "edit", text="a caption")
        line = await reader.hear("Edited: a caption</a>")
        assert sources(line) == ["/recordings/1.m4a"]
        await bo.post("/recordings/1/listened", HEARD)
        await change(ada, 2, "delete")
        assert '<a href="/messages/2">Deleted: a message</a>' in await reader.hear("Deleted")
        assert '<div class="message later mine">' in await author.hear("Edited")
        await author.hear("Deleted")
        for page in (reader, author):
            assert not holds(page, "said", 2)
            assert page.text.count('class="message later') == 3


async def test_below_another_page_it_is_told_what_that_one_cannot_show(ada: Person, bo: Person, talk: int) -> None:
    await speak(ada, talk, WEBM.content)
    before = 1  # the page was served while it was being prepared
    async with live(bo, f"/conversations/{talk}/live?around={before}") as page:
        line = await page.hear("Ready to hear: a voice message</a>")
        assert sources(line) == ["/recordings/1.webm", "/recordings/1.m4a"]
    await prepared(bo, talk)
    async with live(ada, f"/conversations/{talk}/live?around=2") as page:
        await page.hear("rows")
        await bo.post("/recordings/1/listened", HEARD)
        await page.hear("Heard: a voice message</a>")


async def test_it_goes_on_with_the_page_around_it_and_begins_under_a_name_alone(
    ada: Person, bo: Person, talk: int
) -> None:
    await ada.say(talk, "first")
    for start, continues in (("around=1", True), ("after=1", False)):
        async with live(bo, f"/conversations/{talk}/live?{start}") as page:
            await page.hear('class="silent"')
            if start == "around=1":
                await ada.say(talk, "second")
            row = await page.hear("second")
            assert (" grouped" in row) is continues
            assert ('<p class="day">' in row) is not continues
            await ada.say(talk, "third")
            assert " grouped" in await page.hear("third")
