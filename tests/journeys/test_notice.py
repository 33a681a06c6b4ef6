"""Notice in a real browser: the bell, notifications, what is shared, and the app that is installed."""

import asyncio
import json
import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser as Chromium
from playwright.async_api import CDPSession, Locator, Page, Route, expect

from browsing import ON_SQLITE, Door, Visitor
from conftest import OpenHouse, launched
from parlour.notifications import pushing
from people import PATIENCE_S, Person
from push_service import Browser, PushService, encode, push_service, read_notice

# Chromium's own subscribe() asks a service in the world; this one gives what the test's own service would.
SUBSCRIBED = """
const keys = {{ p256dh: "{key}", auth: "{auth}" }};
let subscription = null;
PushManager.prototype.getSubscription = async () => subscription;
PushManager.prototype.subscribe = async ({{ applicationServerKey, userVisibleOnly }}) => {{
  if (applicationServerKey.length !== 65 || !userVisibleOnly) throw new Error("not like that");
  const toJSON = () => ({{ endpoint: "{endpoint}", keys }});
  return (subscription = {{ toJSON, unsubscribe: async () => (subscription = null) }});
}};
"""
UNTIL_SHOWN = """
async (wanted) => {
  const registration = await navigator.serviceWorker.ready;
  for (let left = 100; ; left -= 1) {
    const shown = (await registration.getNotifications()).map(({ title, body, tag }) => [title, body, tag]);
    if (JSON.stringify(shown) === JSON.stringify(wanted) || !left) return shown;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
"""
SHARE = """
async ({ text, audio }) => {
  const form = new FormData();
  form.set("title", "");
  form.set("text", text);
  if (audio) form.set("audio", new File([new Uint8Array(64)], "memo.m4a", { type: "audio/mp4" }));
  await fetch("/share", { method: "POST", body: form });
}
"""
UNREACHED = """
PushManager.prototype.subscribe = async () => { throw new DOMException("no push service", "AbortError"); };
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...at) {
  window.tones = (window.tones ?? 0) + 1;
  start.apply(this, at);
};
"""
HIDE = """
Object.defineProperty(document, "visibilityState", { get: () => "hidden" });
document.dispatchEvent(new Event("visibilitychange"));
"""
CONTROLLED = "() => navigator.serviceWorker.ready.then(() => true)"


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Chromium]:
    """The whole one, since only that shows notifications."""
    async with launched(whole=True) as browser:
        yield browser


@pytest.fixture
async def service() -> AsyncIterator[PushService]:
    async with push_service() as opened:
        yield opened


@pytest.fixture
async def house(open_house: OpenHouse, service: PushService, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(pushing, "WAIT_S", 0.3)
    return await open_house(push_hosts=(service.host,))


def button(visitor: Visitor, name: str) -> Locator:
    return visitor.page.get_by_role("button", name=name, exact=True)


async def controlled(visitor: Visitor) -> None:
    """Waits until the service worker has the pages in hand."""
    await visitor.page.evaluate(CONTROLLED)
    await visitor.page.reload()
    await visitor.page.wait_for_function("navigator.serviceWorker.controller !== null")


class Worker:
    """Ada's service worker, which hears what a push service would bring."""

    def __init__(self, page: Page, session: CDPSession) -> None:
        self._page, self._session = page, session
        self._registration = ""
        session.on("ServiceWorker.workerRegistrationUpdated", self._note)

    def _note(self, event: dict[str, list[dict[str, str]]]) -> None:
        for registration in event["registrations"]:
            self._registration = registration["registrationId"]

    async def hear(self, told: object) -> None:
        origin = re.match(r"https?://[^/]+", self._page.url)
        assert origin
        await self._session.send(
            "ServiceWorker.deliverPushMessage",
            {"origin": origin[0], "registrationId": self._registration, "data": json.dumps(told)},
        )

    async def shows(self, *wanted: list[str]) -> None:
        """Waits until just these notifications stand."""
        assert await self._page.evaluate(UNTIL_SHOWN, list(wanted)) == list(wanted)


@ON_SQLITE
async def test_the_bell_is_pressed_and_the_closed_browser_is_told(house: str, door: Door, service: PushService) -> None:
    ada, browser = await door.open_for(house, "Ada"), Browser()
    await ada.come_in()
    await ada.go("/settings")
    assert await ada.page.evaluate("Notification.permission") != "granted", "nobody asks before the bell is pressed"
    await ada.context.grant_permissions(["notifications"], origin=house)
    script = SUBSCRIBED.format(key=encode(browser.public), auth=encode(browser.auth), endpoint=service.endpoint("/ada"))
    await ada.context.add_init_script(script)
    await ada.go("/settings")
    session = await ada.context.new_cdp_session(ada.page)
    worker = Worker(ada.page, session)
    await session.send("ServiceWorker.enable")
    await ada.press("Turn on notifications")
    await expect(button(ada, "Turn off notifications")).to_be_visible()
    async with Person(house) as bo:
        await bo.sign_up("Bo")
        talk = await bo.meet("Ada")
        await bo.say(talk, "are you there?")
        told = read_notice(browser, await service.receive("/ada"))
        await worker.hear(told)
        await worker.shows(["Bo", "are you there?", f"conversation-{talk}"])
        await worker.hear(told | {"body": "hello?"})
        await worker.shows(["Bo", "hello?", f"conversation-{talk}"])
        await ada.meet("Bo")
        read = read_notice(browser, await service.receive("/ada"))
        await worker.hear(read)
        await worker.shows()
    await ada.go("/settings")
    await ada.press("Turn off notifications")
    await expect(button(ada, "Turn on notifications")).to_be_visible()
    assert await ada.page.evaluate("caches.keys()") == [], "nothing of ours is kept by the worker"


@ON_SQLITE
async def test_the_bell_rings_for_what_is_not_on_screen_also_where_no_push_service_is(house: str, door: Door) -> None:
    ada = await door.open_for(house, "Ada")
    await ada.context.add_init_script(UNREACHED)
    await ada.come_in()
    await ada.context.grant_permissions(["notifications"], origin=house)
    async with Person(house) as bo, Person(house) as cy:
        await bo.sign_up("Bo")
        await cy.sign_up("Cy")
        talk, muted = await bo.meet("Ada"), await cy.meet("Ada")
        await ada.go(f"/conversations/{muted}")
        await ada.page.evaluate(HIDE)
        await bo.say(talk, "before the bell")
        await expect(ada.entry("Bo")).to_contain_text("1 unread")
        await ada.go("/settings")
        await ada.press("Turn on notifications")
        await expect(ada.page.get_by_role("alert")).to_contain_text("while Parlour is open")
        await ada.go("/")
        await ada.page.evaluate(HIDE)
        await bo.say(talk, "after it")
        worker = Worker(ada.page, await ada.context.new_cdp_session(ada.page))
        await worker.shows(["Bo", "after it", f"conversation-{talk}"])
        assert await ada.page.evaluate("window.tones") == 2, "it sounds once, for two messages of one breath"
        async with Person(house) as elsewhere:
            await elsewhere.sign_in("Ada")
            await elsewhere.post("/settings", {"show": "message"})
        await bo.say(talk, "for nobody behind her")
        await worker.shows(["Parlour", "New message", f"conversation-{talk}"])
        inbox = ada.page
        await ada.new_tab(f"/conversations/{talk}")
        await expect(ada.entry("Bo")).not_to_contain_text("unread")
        await ada.page.close()
        worker = Worker(inbox, await ada.context.new_cdp_session(inbox))
        await worker.shows()


@ON_SQLITE
async def test_the_bell_does_not_ring_for_what_is_on_screen_or_marked_unread(house: str, door: Door) -> None:
    ada = await door.open_for(house, "Ada")
    await ada.context.add_init_script(UNREACHED)
    await ada.enrol()
    async with Person(house) as bo, Person(house) as cy:
        await bo.sign_up("Bo")
        await cy.sign_up("Cy")
        talk, other = await bo.meet("Ada"), await cy.meet("Ada")
        await bo.say(talk, "the first")
        await ada.go("/")
        await ada.page.evaluate("localStorage.setItem(`bell:${document.body.dataset.user}`, '1')")
        pages = [await ada.new_tab("/"), await ada.new_tab(f"/conversations/{talk}")]
        await expect(ada.entry("Bo")).not_to_contain_text("unread")
        slow = asyncio.Event()

        async def answer_late(route: Route) -> None:
            await slow.wait()
            await route.continue_()

        await ada.page.route("**/read", answer_late)
        await bo.say(talk, "on screen, and its reading not heard of for long")
        await expect(ada.entry("Bo")).to_contain_text("1 unread")
        assert await tones_after(pages, cy, other) == 2, "what was said before would have rung before"
        slow.set()
        await expect(ada.entry("Bo")).not_to_contain_text("unread")
        article = await ada.open_menu("the first")
        await article.get_by_role("button", name="Mark unread from here").click()
        await expect(ada.entry("Bo")).to_contain_text("2 unread")
        await bo.say(talk, "on screen, and not to be read")
        await expect(ada.entry("Bo")).to_contain_text("3 unread")
        assert await tones_after(pages, cy, other) == 4


async def tones_after(pages: list[Page], cy: Person, talk: int) -> int:
    """How often all pages sounded, once it rang for what Cy says somewhere else."""
    before = sum([int(await page.evaluate("window.tones ?? 0")) for page in pages])
    await cy.say(talk, "and this is on no screen")
    async with asyncio.timeout(PATIENCE_S):
        while (now := sum([int(await page.evaluate("window.tones ?? 0")) for page in pages])) == before:
            await asyncio.sleep(0.05)
    return now


@ON_SQLITE
async def test_a_browser_that_refuses_is_told_what_to_do(house: str, door: Door) -> None:
    ada = await door.open_for(house, "Ada")
    await ada.come_in()
    await ada.go("/settings")
    await ada.page.evaluate("Notification.requestPermission = async () => 'denied'")
    await ada.press("Turn on notifications")
    await expect(ada.page.get_by_role("alert")).to_contain_text("Allow them in its settings")
    await ada.page.evaluate("delete window.Notification")
    await ada.go("/settings")
    plain = await door.open_for(house, "Ada", scripts=False)
    await plain.go("/sign-in")
    await plain.sign_in()
    await plain.go("/settings")
    plain.means_status(422)
    await plain.press("Turn on notifications")
    await expect(plain.page.get_by_role("alert")).to_contain_text("unread feed")


@ON_SQLITE
async def test_what_another_app_shares_goes_to_the_conversation_that_is_chosen(house: str, door: Door) -> None:
    ada, bo = await door.open_for(house, "Ada", width=360), await door.open_for(house, "Bo")
    await bo.come_in()
    await ada.come_in()
    talk = await ada.meet("Bo")
    await ada.go("/share")
    await expect(button(ada, "Share with Bo")).to_be_disabled()
    await controlled(ada)
    await ada.page.evaluate(SHARE, {"text": "See https://example.org", "audio": True})
    await ada.go("/share")
    await expect(ada.page.get_by_text("See https://example.org")).to_be_visible()
    await ada.page.evaluate(SHARE, {"text": "Nobody looked at this yet", "audio": True})
    await ada.go("/settings")
    await ada.press("Sign out")
    ada.name = "Cy"  # sits down there next
    await ada.enrol()
    await ada.go("/share")
    await expect(ada.page.get_by_text("Nothing is being shared")).to_be_visible()
    await ada.go("/settings")
    await ada.press("Sign out")
    ada.name = "Ada"
    await ada.go("/sign-in?next=/share")
    await ada.sign_in()
    await expect(ada.page.get_by_text("Nobody looked at this yet")).to_be_visible()
    await ada.press("Share with Bo")
    await expect(ada.page).to_have_url(f"{house}/conversations/{talk}#latest")
    await expect(ada.box).to_have_value("Nobody looked at this yet")
    unsent = ada.page.get_by_role("region", name="Unsent recording", exact=True)
    await expect(unsent).to_contain_text("memo.m4a")
    await ada.go("/share")
    await expect(ada.page.get_by_text("Nothing is being shared")).to_be_visible()


@ON_SQLITE
async def test_parlour_can_be_installed(house: str, door: Door) -> None:
    ada = await door.open_for(house, "Ada")
    await ada.come_in()
    await ada.page.evaluate(CONTROLLED)
    session = await ada.context.new_cdp_session(ada.page)
    found = await session.send("Page.getAppManifest")
    assert found["errors"] == []
    manifest = json.loads(found["data"])
    assert (manifest["start_url"], manifest["scope"], manifest["display"]) == ("/", "/", "standalone")
    assert manifest["share_target"]["action"] == "/share"
    for icon in manifest["icons"]:
        answer = await ada.page.request.get(house + icon["src"])
        assert (answer.status, answer.headers["content-type"]) == (200, icon["type"])
    hindrances = await session.send("Page.getInstallabilityErrors")
    assert [each["errorId"] for each in hindrances["installabilityErrors"]] in ([], ["in-incognito"])
