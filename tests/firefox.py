"""Firefox as it is installed, driven by what it speaks itself: WebDriver BiDi, over a WebSocket.

People find things by role and accessible name, click and type with events that the browser trusts.
"""

import asyncio
import itertools
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import msgspec
from websockets.asyncio.client import ClientConnection, connect

from people import Person
from processes import Server, free_ports

Json = dict[str, object]
Answer = TypeVar("Answer")
PATIENCE_S = 20.0
LOOK_EVERY_S = 0.05
FOCUS = """
[...document.querySelectorAll("input, textarea")]
  .filter((box) => (box.ariaLabel ?? box.labels?.[0]?.textContent.trim()) === {name})
  .map((box) => (box.focus(), box === document.activeElement))[0]
"""
ENTER = "\ue007"
PREFERENCES: dict[str, bool | int | str] = {
    "media.autoplay.default": 0,  # sounds may begin by themselves
    "media.cubeb.force_mock_context": True,  # … and nobody hears them: the machine may have no loudspeaker
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,#none",
    "toolkit.telemetry.enabled": False,
}


class Refused(Exception):
    """Firefox could not do what it was told."""


class Said(msgspec.Struct):
    """What comes from Firefox: the answer to a command, or an event."""

    type: str
    id: int | None = None
    result: msgspec.Raw = msgspec.Raw(b"{}")
    params: msgspec.Raw = msgspec.Raw(b"{}")
    error: str = ""
    message: str = ""


class Made(msgspec.Struct, rename="camel"):
    """The name of something new."""

    context: str = ""
    user_context: str = ""


class Context(msgspec.Struct):
    """A page, and the frames in it."""

    context: str
    url: str
    children: "list[Context] | None" = None


class Tree(msgspec.Struct):
    contexts: list[Context]


class Value(msgspec.Struct):
    value: str | None = None


class Failure(msgspec.Struct):
    text: str


class Evaluated(msgspec.Struct, rename="camel"):
    """What a page answers."""

    result: Value = msgspec.field(default_factory=Value)
    exception_details: Failure | None = None


class Node(msgspec.Struct, rename="camel"):
    shared_id: str


class Located(msgspec.Struct):
    nodes: list[Node]


class LogEntry(msgspec.Struct):
    level: str
    text: str | None


class Process(Server):
    """Firefox without a window, with a profile of its own."""

    def __init__(self, *, scripts: bool) -> None:
        super().__init__()
        self.url = ""
        self._preferences = PREFERENCES | {"javascript.enabled": scripts}

    def start(self) -> None:
        port = free_ports(1)[0]
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in self._preferences.items()]
        (self.folder / "user.js").write_text("\n".join(lines))
        command = [os.environ["PARLOUR_TEST_FIREFOX"], "--headless", "--no-remote", "--profile", str(self.folder)]
        self.spawn([*command, f"--remote-debugging-port={port}"], lambda: b"BiDi listening" in self.log.read_bytes())
        self.url = f"ws://127.0.0.1:{port}/session"


class Firefox:
    """A session with a running Firefox; `complaints` is what its pages logged as an error."""

    def __init__(self, socket: ClientConnection) -> None:
        self.complaints: list[str] = []
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Said]] = {}

    async def listen(self) -> None:
        """Hears answers and events for as long as the line is open."""
        async for frame in self._socket:
            said = msgspec.json.decode(frame, type=Said)
            if said.id is not None:
                self._waiting.pop(said.id).set_result(said)
            elif said.type == "event":
                entry = msgspec.json.decode(said.params, type=LogEntry)
                if entry.level == "error":
                    self.complaints.append(entry.text or "")

    async def tell(self, method: str, params: Json, answer: type[Answer]) -> Answer:
        """Has Firefox do something, and waits until it has. Raises Refused."""
        answered = await self.begin(method, params)
        async with asyncio.timeout(PATIENCE_S):
            said = await answered
        if said.error:
            raise Refused(f"{method}: {said.error}: {said.message}")
        return msgspec.json.decode(said.result, type=answer)

    async def begin(self, method: str, params: Json) -> asyncio.Future[Said]:
        """Tells Firefox to do something; what it answers, once it has."""
        number = next(self._numbers)
        answered = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        return answered

    async def open_for_somebody(self, url: str) -> "Tab":
        """A tab of somebody new, who shares no cookie with the others."""
        somebody = (await self.tell("browser.createUserContext", {}, Made)).user_context
        made = await self.tell("browsingContext.create", {"type": "tab", "userContext": somebody}, Made)
        tab = Tab(self, made.context)
        await tab.go(url)
        return tab


class Tab:
    """A page in Firefox."""

    def __init__(self, firefox: Firefox, context: str) -> None:
        self._firefox = firefox
        self._context = context

    async def go(self, url: str) -> None:
        way: Json = {"context": self._context, "url": url, "wait": "interactive"}
        await self._firefox.tell("browsingContext.navigate", way, Made)

    async def set_out(self, url: str) -> None:
        """Goes to a page with a part that has no end; whether Firefox ever calls it there differs from time to time."""
        await self._firefox.begin("browsingContext.navigate", {"context": self._context, "url": url, "wait": "none"})

    async def sign_in_as(self, person: Person) -> None:
        """Takes over the cookies of somebody who is signed in elsewhere."""
        for name, value in person.client.cookies.items():
            cookie: Json = {"name": name, "value": {"type": "string", "value": value}, "domain": "127.0.0.1"}
            where: Json = {"type": "context", "context": self._context}
            await self._firefox.tell("storage.setCookie", {"cookie": cookie, "partition": where}, Made)

    async def frame(self, end: str) -> "Tab":
        """The frame in the page whose address ends so, once it is there."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                tree = await self._firefox.tell("browsingContext.getTree", {"root": self._context}, Tree)
                for child in tree.contexts[0].children or []:
                    if child.url.endswith(end):
                        return Tab(self._firefox, child.context)
                await asyncio.sleep(LOOK_EVERY_S)

    async def ask(self, expression: str, answer: type[Answer]) -> Answer:
        """The value of an expression, awaited where it is a promise; a person may just have pressed a key."""
        return await self._evaluate(f"(async () => JSON.stringify((await ({expression})) ?? null))()", answer)

    async def expect(self, expression: str) -> None:
        """Waits until the expression is true, also over a page that is loaded meanwhile."""
        await self._expect(expression, lambda: self.ask(f"Boolean(await ({expression}))", bool))

    async def show(self, expression: str) -> None:
        """The same on a page without scripts, where no promise is ever kept."""
        await self._expect(expression, lambda: self._evaluate(f"JSON.stringify(Boolean({expression}))", bool))

    async def _expect(self, expression: str, ask: Callable[[], Awaitable[bool]]) -> None:
        last: object = None
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    try:
                        if await ask():
                            return
                    except Refused as refused:
                        last = refused
                    await asyncio.sleep(LOOK_EVERY_S)
        except TimeoutError:
            raise AssertionError(f"not so within {PATIENCE_S:g} s: {expression} ({last or 'false'})") from None

    async def _evaluate(self, expression: str, answer: type[Answer]) -> Answer:
        target: Json = {"context": self._context}
        params: Json = {"expression": expression, "target": target, "awaitPromise": True, "userActivation": True}
        evaluated = await self._firefox.tell("script.evaluate", params, Evaluated)
        if evaluated.exception_details is not None:
            raise Refused(evaluated.exception_details.text)
        return msgspec.json.decode(evaluated.result.value or "null", type=answer)

    async def find(self, role: str, name: str) -> str:
        """The one thing of that role and accessible name, once it is there."""
        locator: Json = {"type": "accessibility", "value": {"role": role, "name": name}}
        params: Json = {"context": self._context, "locator": locator}
        nodes: list[Node] = []
        try:
            async with asyncio.timeout(PATIENCE_S):
                while len(nodes) != 1:
                    await asyncio.sleep(LOOK_EVERY_S if nodes else 0)
                    nodes = (await self._firefox.tell("browsingContext.locateNodes", params, Located)).nodes
        except TimeoutError:
            raise AssertionError(f"{len(nodes)} things are a {role} named {name!r}, not one") from None
        return nodes[0].shared_id

    async def click(self, name: str, role: str = "button") -> None:
        await self._press(await self.find(role, name))

    async def press(self, selector: str, x: int = 0) -> None:
        """Clicks so far right of the middle of something that has no role to be found by."""
        await self._press(await self._pick(selector), x)

    async def _press(self, node: str, x: int = 0) -> None:
        origin: Json = {"type": "element", "element": {"sharedId": node}}
        moves: list[Json] = [{"type": "pointerMove", "x": x, "y": 0, "origin": origin}]
        moves += [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        await self._act({"type": "pointer", "id": "mouse", "actions": moves})

    async def type(self, text: str) -> None:
        """Presses keys, wherever the focus is."""
        keys = [{"type": way, "value": key} for key in text for way in ("keyDown", "keyUp")]
        await self._act({"type": "key", "id": "keyboard", "actions": keys})

    async def fill(self, name: str, text: str) -> None:
        """Types into the box of that label; one that takes a password has no role to be found by."""
        await self.expect(FOCUS.format(name=json.dumps(name)))
        await self.type(text)

    async def choose(self, selector: str, *files: Path) -> None:
        """Chooses files for an input, found by selector: it has no role of its own."""
        element = {"sharedId": await self._pick(selector)}
        params: Json = {"context": self._context, "element": element, "files": [str(file) for file in files]}
        await self._firefox.tell("input.setFiles", params, Made)

    async def _pick(self, selector: str) -> str:
        params: Json = {"context": self._context, "locator": {"type": "css", "value": selector}}
        found = await self._firefox.tell("browsingContext.locateNodes", params, Located)
        return found.nodes[0].shared_id

    async def _act(self, source: Json) -> None:
        await self._firefox.tell("input.performActions", {"context": self._context, "actions": [source]}, Made)


@asynccontextmanager
async def firefox(*, scripts: bool = True) -> AsyncIterator[Firefox]:
    """A Firefox that nobody has used, with scripts or without; it is gone afterwards."""
    with Process(scripts=scripts) as process:
        async with connect(process.url, max_size=None, ping_interval=None) as socket:
            driven = Firefox(socket)
            listening = asyncio.create_task(driven.listen())
            try:
                await driven.tell("session.new", {"capabilities": {}}, Made)
                await driven.tell("session.subscribe", {"events": ["log.entryAdded"]}, Made)
                yield driven
            finally:
                listening.cancel()
