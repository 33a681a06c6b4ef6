"""In WebKit without scripts: what is live is painted as it comes."""

import time

import pytest

from following import change
from people import Person
from webkit import webkit

WITHIN_S = 1.0
SHOWN = "document.querySelector('#message-{id} .text p')?.checkVisibility()"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What happens in the browser is the same on either database."""
    return sqlite_url


async def test_what_is_said_changed_and_taken_back_shows_at_once_beside_what_is_typed(house: str) -> None:
    async with webkit() as page, Person(house) as ada, Person(house) as bo:
        await ada.sign_up("Ada")
        await bo.sign_up("Bo")
        talk = await ada.meet("Bo")
        await page.sign_in_as(bo)
        await page.go(f"{house}/conversations/{talk}")
        await page.enter("noscript iframe")
        await page.expect_on_display(".hint")  # however little there is to show
        await page.leave()
        await page.go(f"{house}/conversations/{talk}/live")
        await page.expect_on_display(".hint")  # also where it is no frame of another page
        await page.go(f"{house}/conversations/{talk}")
        await page.click("noscript .ways a")
        await page.expect("location.pathname.endsWith('/without-scripts')")
        await page.enter(".composer-frame")
        await page.type("#composer-text", "I am still typing")
        await page.leave()
        await page.enter(".live-frame")
        await page.expect_on_display(".hint")
        took_s: list[float] = []
        for message in (1, 2, 3):
            await ada.say(talk, f"word {message}")
            said = time.monotonic()
            await page.expect(SHOWN.format(id=message))
            took_s.append(time.monotonic() - said)
            await page.expect_on_display(f"#message-{message} .text p")
        assert min(took_s) < WITHIN_S
        await change(ada, 1, "edit", text="another word")
        await page.expect("[...document.links].some((link) => link.text === 'Edited: another word')")
        await change(ada, 2, "delete")
        await page.expect("[...document.links].some((link) => link.text.startsWith('Deleted: '))")
        for message, shown in ((1, "!"), (2, "!"), (3, "")):
            await page.expect(shown + SHOWN.format(id=message))
        await page.leave()
        await page.enter(".composer-frame")
        await page.expect("document.querySelector('#composer-text').value === 'I am still typing'")
        await page.click(".send")
        await page.expect("document.querySelector('#composer-text').value === ''")
        await page.leave()
        await page.enter(".live-frame")
        await page.expect("document.querySelector('#message-4')?.innerText.includes('I am still typing')")
