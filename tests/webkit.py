"""WebKitGTK without scripts, driven by what it speaks itself: WebDriver, over HTTP."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager

import httpx
import msgspec

from display import Display, Place
from people import PASSWORD, Person
from processes import Server, free_ports, knock

PATIENCE_S = 20.0
LOOK_EVERY_S = 0.02
ANSWER_WITHIN_S = 3.0
FEW_COLOURS = 10  # more than lines and grounds have; drawn letters have dozens
LOST = ("no such frame", "no such window")
SWITCHES = ("--automation", "--enable-javascript=FALSE")
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # by that name the protocol calls what stands on a page

# The place of an element on the display; the window has its bar above the page, and no other edge.
WHERE = """
const element = document.querySelector(arguments[0]);
if (!element) return null;
const frame = frameElement ? frameElement.getBoundingClientRect() : {x: 0, y: 0};
const {x, y, width, height} = element.getBoundingClientRect();
return [top.screenX + frame.x + x, top.screenY + top.outerHeight - top.innerHeight + frame.y + y, width, height];
"""


class Refused(Exception):
    """WebKit could not do what it was told: what was found there is gone, or not there yet."""


class Answer(msgspec.Struct):
    """What the driver says."""

    value: object = None


class Begun(msgspec.Struct, rename="camel"):
    session_id: str


class Driver(Server):
    """What starts a WebKit on that display, and hands on what it is told."""

    def __init__(self, display: Display) -> None:
        super().__init__()
        self._display = display
        self.port = 0

    def start(self) -> None:
        self.port = free_ports(1)[0]
        display = {"DISPLAY": f":{self._display.number}"}
        self.spawn(["WebKitWebDriver", f"--port={self.port}"], lambda: knock(self.port), display)


class WebKit:
    """One window of somebody who has switched scripts off; the driver's own still answer what is asked of a page."""

    def __init__(self, client: httpx.AsyncClient, session: str, display: Display) -> None:
        self._client = client
        self._display = display
        self._session = session
        self._frame = ""  # into which somebody looks; none is the page itself

    async def go(self, url: str) -> None:
        await self.tell("POST", "url", url=url)

    async def sign_in_as(self, person: Person) -> None:
        """Fills in the page to sign in."""
        await self.go(f"{person.url}/sign-in")
        await self.type("#username", person.name)
        await self.type("#password", PASSWORD)
        await self.click(".fields .button")
        await self.expect("document.querySelector('#conversations')")

    async def enter(self, selector: str) -> None:
        """Looks into a frame of the page, and into nothing else until `leave`."""
        await self._soon(selector, lambda: self._look_into(selector))
        self._frame = selector
        await self.expect("location.href !== 'about:blank'")

    async def leave(self) -> None:
        self._frame = ""
        await self.tell("POST", "frame", id=None)

    async def type(self, selector: str, text: str) -> None:
        await self._with(selector, lambda element: self.tell("POST", f"element/{element}/value", text=text))

    async def click(self, selector: str) -> None:
        await self._with(selector, lambda element: self.tell("POST", f"element/{element}/click"))

    async def expect(self, expression: str) -> None:
        """Waits until the expression is true, also over a page that is loaded meanwhile."""
        await self._soon(expression, lambda: self._is_so(expression))

    async def expect_on_display(self, selector: str) -> None:
        """Waits until words are to be seen where that stands.

        It is the display that is asked. The page's own entry for its first paint does not come at all now and then, as
        long as a page has not ended, though everything is there to be seen.
        """
        await self._soon(f"{selector} is on the display", lambda: self._is_on_display(selector))

    async def tell(self, method: str, command: str, **fields: object) -> object:
        """Has WebKit do something; gives what it answers. Raises Refused."""
        body = None if method == "GET" else msgspec.json.encode(fields)
        answer = await self._client.request(method, f"/session/{self._session}/{command}", content=body)
        if answer.status_code != httpx.codes.OK:
            raise Refused(f"{command}: {answer.text}")
        return msgspec.json.decode(answer.content, type=Answer).value

    async def _is_so(self, expression: str) -> bool:
        return await self._run(f"return Boolean({expression})") is True

    async def _is_on_display(self, selector: str) -> bool:
        found = await self._run(WHERE, selector)
        return found is not None and len(self._display.colours(msgspec.convert(found, Place))) > FEW_COLOURS

    async def _run(self, script: str, *given: str) -> object:
        return await self._ask("execute/sync", script=script, args=given)

    async def _ask(self, command: str, **fields: object) -> object:
        """What may be asked again. Raises Refused also where no answer comes: it is lost with a page that goes."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await self.tell("POST", command, **fields)
        except TimeoutError:
            raise Refused(f"{command}: no answer") from None

    async def _with(self, selector: str, use: Callable[[str], Awaitable[object]]) -> None:
        async def found_and_used() -> bool:
            await use(await self._find(selector))
            return True

        await self._soon(selector, found_and_used)

    async def _find(self, selector: str) -> str:
        found = await self._ask("element", using="css selector", value=selector)
        return msgspec.convert(found, dict[str, str])[ELEMENT]

    async def _look_into(self, selector: str) -> bool:
        await self._ask("frame", id={ELEMENT: await self._find(selector)})
        return True

    async def _soon(self, what: str, ask: Callable[[], Awaitable[bool]]) -> None:
        last = "it is not so"
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    try:
                        if await ask():
                            return
                    except Refused as refused:
                        last = str(refused)
                        await self._find_back(last)
                    await asyncio.sleep(LOOK_EVERY_S)
        except TimeoutError:
            raise AssertionError(f"not within {PATIENCE_S:g} s: {what} ({last})") from None

    async def _find_back(self, refusal: str) -> None:
        """Looks into the frame again: the driver forgets which it was when another one comes to its end."""
        if self._frame and any(lost in refusal for lost in LOST):
            with contextlib.suppress(Refused):
                await self.tell("POST", "frame", id=None)
                await self._look_into(self._frame)


@asynccontextmanager
async def webkit() -> AsyncIterator[WebKit]:
    """A WebKit that nobody has used; it is gone afterwards."""
    with ExitStack() as stack:
        display = stack.enter_context(Display())
        driver = stack.enter_context(Driver(display))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{driver.port}", timeout=PATIENCE_S) as client:
            # A page with a live page in it is never loaded to its end, so nothing waits for that.
            options = {"binary": os.environ["PARLOUR_TEST_WEBKIT"], "args": SWITCHES}
            wanted = {"pageLoadStrategy": "none", "webkitgtk:browserOptions": options}
            answer = await client.post("/session", json={"capabilities": {"alwaysMatch": wanted}})
            begun = msgspec.convert(msgspec.json.decode(answer.content, type=Answer).value, Begun)
            opened = WebKit(client, begun.session_id, display)
            try:
                yield opened
            finally:
                await client.delete(f"/session/{begun.session_id}")
