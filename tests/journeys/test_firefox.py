"""In Firefox: every kind of recording, and what is live without scripts."""

import msgspec
import pytest

from firefox import Tab, firefox
from following import change
from people import PASSWORD, Person
from voice.voices import EVERY_SAMPLE, WEBM, prepared, speak

HEAR = """
(async (message) => {{
  const sound = message.querySelector("audio");
  const until = (name, so) => new Promise((resolve, reject) => {{
    sound.addEventListener(name, () => so() && resolve());
    sound.lastElementChild.addEventListener("error", () => reject(new Error(sound.currentSrc)));
  }});
  message.shadowRoot.querySelector("[aria-label=Play]").click();
  await until("timeupdate", () => sound.currentTime > 0.1);
  const middle = sound.duration / 2;
  sound.currentTime = middle;
  await until("timeupdate", () => !sound.seeking && sound.currentTime > middle + 0.1);
  message.shadowRoot.querySelector("[aria-label=Pause]").click();
  return {{ seconds: sound.duration, middle, now: sound.currentTime }};
}})(document.querySelectorAll("voice-message")[{number}])
"""


class Played(msgspec.Struct):
    """How long a sound is, where its middle is, and where it was a moment after one had gone there."""

    seconds: float
    middle: float
    now: float


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What happens in the browser is the same on either database."""
    return sqlite_url


async def sign_up(tab: Tab, name: str) -> None:
    await tab.fill("Username", name)
    await tab.fill("Password", PASSWORD)
    await tab.click("Create account")
    await tab.expect("location.pathname === '/'")


async def test_every_sample_arrives_plays_and_seeks_in_firefox(house: str) -> None:
    async with firefox() as browser, Person(house) as bo:
        await bo.sign_up("Bo")
        ada = await browser.open_for_somebody(f"{house}/sign-up")
        await sign_up(ada, "Ada")
        talk = await bo.meet("Ada")
        await ada.go(f"{house}/conversations/{talk}")
        for sample in EVERY_SAMPLE:
            await speak(bo, talk, sample.content, sample.name)
        await prepared(bo, talk)
        await ada.expect(f"document.querySelectorAll('voice-message audio source').length > {len(EVERY_SAMPLE)}")
        await ada.expect("!document.querySelector('.preparing')")
        for number, sample in enumerate(EVERY_SAMPLE):
            played = await ada.ask(HEAR.format(number=number), Played)
            assert abs(played.seconds - sample.seconds) < 0.1, sample.name
            assert 0.1 < played.now - played.middle < 2, sample.name
        assert browser.complaints == []


async def test_without_scripts_a_voice_message_comes_and_plays_beside_what_is_typed(house: str) -> None:
    async with firefox(scripts=False) as browser, Person(house) as ada, Person(house) as bo:
        await ada.sign_up("Ada")
        await bo.sign_up("Bo")
        talk = await ada.meet("Bo")
        page = await browser.open_for_somebody(f"{house}/sign-in")
        await page.sign_in_as(bo)
        await page.set_out(f"{house}/conversations/{talk}/without-scripts")
        live, composer = await page.frame("/live"), await page.frame("/composer")
        await composer.show("document.querySelector('#composer-text')")
        await composer.press("#composer-text")
        await composer.type("I am still typing")
        await ada.say(talk, "tow")
        await live.show("document.querySelector('#message-1 .text p').checkVisibility()")
        await change(ada, 1, "edit", text="two")
        await live.show("[...document.links].some((link) => link.text === 'Edited: two')")
        await live.show("!document.querySelector('#message-1 .text p').checkVisibility()")
        await speak(ada, talk, WEBM.content)
        await live.show("document.querySelector('#message-2 audio')")
        await live.press("#message-2 audio", x=-140)  # its button to play
        await live.show("document.querySelector('#message-2 audio').currentTime > 0.2")
        await composer.press(".send")
        await live.show("document.querySelector('#message-3')?.innerText.includes('I am still typing')")
        await composer.show("document.querySelector('#composer-text').value === ''")
        assert len((await ada.get(f"/conversations/{talk}")).articles) == 3
