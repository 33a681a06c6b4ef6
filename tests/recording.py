"""People who record: a browser whose microphone plays a real voice, and what they do with the recorder."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Locator, Page, expect

from browsing import PATIENCE_MS, Visitor
from conftest import launched

SAMPLES = Path(__file__).resolve().parent / "voice" / "samples"
MICROPHONE = "--use-fake-device-for-media-stream"
SAYS_YES = "--use-fake-ui-for-media-stream"
CHOSEN = """
() => [...document.getElementById("composer-recording").files].map(({ name, type, size }) => ({ name, type, size }))
"""
SHELVES = """
async () => {
  const opening = indexedDB.open("voice");
  const shelf = await new Promise((resolve) => { opening.onsuccess = () => resolve(opening.result); });
  const counts = ["takes", "slices"].map((name) => new Promise((resolve) => {
    const counting = shelf.transaction(name).objectStore(name).count();
    counting.onsuccess = () => resolve(counting.result);
  }));
  const found = await Promise.all(counts);
  shelf.close();
  return found;
}
"""
UNTIL_NOTHING_KEPT = f"""
async () => {{
  while ((await ({SHELVES})()).some(Boolean)) await new Promise(requestAnimationFrame);
}}
"""
PLAYED = """
({ played }) => Array.from(played, (_, part) => played.end(part) - played.start(part)).reduce((sum, s) => sum + s, 0)
"""


@asynccontextmanager
async def speaking_browser(
    *more: str, allowed: bool = True, voice: Path = SAMPLES / "voice.wav"
) -> AsyncIterator[Browser]:
    """A browser whose microphone hears a voice, over and over; every page may use it, or none."""
    switches = [
        MICROPHONE,
        f"--use-file-for-fake-audio-capture={voice}",
        *more,
        *([SAYS_YES] if allowed else []),
    ]
    async with launched(*switches, whole=not allowed) as browser:
        yield browser


class Recorder:
    """The recorder of somebody's open conversation."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor, self.page = visitor, visitor.page
        self.group = self.page.get_by_role("group", name="Recorder", exact=True)
        self.timer = self.group.get_by_role("timer", name="Recorded", exact=True)
        self.level = self.group.get_by_role("meter", name="Level", exact=True)
        self.words = self.group.get_by_role("status")
        self.start = self.page.get_by_role("button", name="Record voice message", exact=True)
        self.play = self.button("Play")
        self.position = self.group.get_by_role("slider", name="Position", exact=True)

    def button(self, name: str) -> Locator:
        return self.group.get_by_role("button", name=name, exact=True)

    async def record(self, until: str) -> None:
        """Starts, or goes on, and speaks until the timer shows that."""
        begin = self.button("Continue")
        await (begin if await begin.is_visible() else self.start).click()
        await expect(self.timer).to_have_text(until)

    async def review(self, until: str) -> None:
        """Records until the timer shows that, and ends there."""
        await self.record(until)
        await self.button("Done").click()
        await expect(self.play).to_be_visible()

    async def chosen(self) -> list[dict[str, str | int]]:
        """What stands in the form's file input."""
        found: list[dict[str, str | int]] = await self.page.evaluate(CHOSEN)
        return found


class Heard:
    """A voice message in somebody's log, found by its caption."""

    def __init__(self, visitor: Visitor, caption: str) -> None:
        self.page = visitor.page
        self.article = visitor.article(caption)
        self.play, self.pause = self.button("Play"), self.button("Pause")
        self.position = self.article.get_by_role("slider", name="Position", exact=True)

    def button(self, name: str) -> Locator:
        return self.article.get_by_role("button", name=name, exact=True)

    async def heard_s(self) -> float:
        """How much of it was really played since the page was loaded, in seconds of the recording."""
        return float(await self.article.locator("audio").evaluate(PLAYED))


def unsent(page: Page) -> Locator:
    return page.get_by_role("region", name="Unsent recording", exact=True)


def discarded(page: Page) -> Locator:
    return page.get_by_role("region", name="Discarded recording", exact=True)


async def takes_kept(page: Page) -> tuple[int, int]:
    """How many takes, and how many slices of sound, the browser keeps."""
    takes, slices = await page.evaluate(SHELVES)
    return takes, slices


async def expect_nothing_kept(page: Page) -> None:
    """Waits until the browser keeps no take any more."""
    async with asyncio.timeout(PATIENCE_MS / 1000):
        await page.evaluate(UNTIL_NOTHING_KEPT)


async def seconds_of(slider: Locator, which: str = "now") -> float:
    return float(await slider.get_attribute(f"aria-value{which}") or "nan")


async def expect_no_barrier(page: Page) -> None:
    """Nothing on the page keeps out people who see, hear or move otherwise."""
    found = await Axe().run(page)
    assert not found.response["violations"], found.generate_report()
