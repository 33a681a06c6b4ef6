"""People without a browser: they fill in forms as the pages render them, and keep their cookies."""

import asyncio
import itertools
import re
import secrets
import ssl
from html.parser import HTMLParser
from typing import Self

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

PASSWORD = "correct horse battery"
PATIENCE_S = 15
TRUSTED = ssl.create_default_context()  # read once: that costs more than signing up

Fields = dict[str, str]


class Form:
    """A form as it was rendered: where it goes, and its fields with their values."""

    def __init__(self, action: str, method: str, enctype: str) -> None:
        self.action, self.method, self.in_parts = action, method, enctype == "multipart/form-data"
        self.fields: Fields = {}


class PageParser(HTMLParser):
    """The forms, alerts and articles of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.alerts: list[str] = []
        self._area: str | None = None
        self._alert_depth = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(given.get("action", ""), given.get("method", "get"), given.get("enctype", "")))
        elif tag in ("input", "textarea") and "name" in given and self.forms:
            self.forms[-1].fields[given["name"]] = given.get("value", "")
            self._area = given["name"] if tag == "textarea" else None
        if self._alert_depth or given.get("role") == "alert":
            if not self._alert_depth:
                self.alerts.append("")
            self._alert_depth += tag not in ("input", "br")

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = None
        if self._alert_depth:
            self._alert_depth -= 1

    def handle_data(self, data: str) -> None:
        if self._area and self.forms:
            self.forms[-1].fields[self._area] += data.removeprefix("\n")
        if self._alert_depth:
            self.alerts[-1] += data


class Page:
    """An answer that is a page."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer, self.status, self.text = answer, answer.status_code, answer.text
        parsed = PageParser(answer.text)
        self.forms = parsed.forms
        self.alert = next((alert.strip() for alert in parsed.alerts if alert.strip()), "")

    def form(self, action: str) -> Form:
        return next(form for form in self.forms if form.action == action and form.method == "post")

    @property
    def articles(self) -> list[str]:
        return re.findall(r'<article id="message-\d+".*?</article>', self.text, re.DOTALL)


class Person:
    """Somebody with an HTTP client, which says where its requests come from as a browser does."""

    numbers = itertools.count(1)

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = httpx.AsyncClient(base_url=url, headers={"origin": url}, timeout=2 * PATIENCE_S, verify=TRUSTED)
        self.name = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.aclose()

    async def get(self, path: str, **headers: str) -> Page:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Page(await self.client.get(path, headers=named))

    async def post(self, path: str, fields: Fields | None = None, **headers: str) -> Page:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Page(await self.client.post(path, data=fields or {}, headers=named))

    async def send(self, form: Form, **fields: str) -> Page:
        """Fills in a form of a page, and sends it as the page says."""
        filled = form.fields | fields
        if form.in_parts:
            return Page(await self.client.post(form.action, files={name: (None, filled[name]) for name in filled}))
        return await self.post(form.action, filled)

    async def submit(self, page_path: str, action: str, **fields: str) -> Page:
        """Opens a page, fills in the form that goes to `action`, and sends it."""
        page = await self.get(page_path)
        return await self.post(action, page.form(action).fields | fields)

    async def sign_up(self, name: str, password: str = PASSWORD) -> Self:
        self.name = name
        answer = await self.submit("/sign-up", "/sign-up", username=name, password=password)
        assert answer.status == 303, answer.alert
        return self

    async def sign_in(self, name: str, password: str = PASSWORD) -> Page:
        self.name = name
        return await self.submit("/sign-in", "/sign-in", username=name, password=password)

    async def meet(self, name: str) -> int:
        """The id of the conversation with that person."""
        answer = await self.post("/conversations", {"username": name})
        assert answer.status == 303, answer.alert
        return int(answer.answer.headers["location"].rpartition("/")[2])

    async def say(self, conversation: int, text: str, key: str | None = None, **fields: str) -> Page:
        """Posts without scripts."""
        form = {"text": text, "key": key or secrets.token_urlsafe(16)} | fields
        return await self.post(f"/conversations/{conversation}/messages", form)

    async def say_live(self, conversation: int, text: str, after: int | None = None, key: str | None = None) -> Page:
        """Posts as htmx does."""
        form = {"text": text, "key": key or secrets.token_urlsafe(16)}
        form |= {} if after is None else {"after": str(after)}
        return await self.post(f"/conversations/{conversation}/messages", form, hx_request="true")

    @property
    def cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.client.cookies.items())

    def listen(self, conversation: int | None = None, origin: str | None = None) -> connect:
        """A socket, not yet greeted: `async with ada.listen(7) as socket`."""
        query = "" if conversation is None else f"?conversation={conversation}"
        return connect(
            f"{self.url.replace('http', 'ws', 1)}/live{query}",
            origin=Origin(origin or self.url),
            additional_headers={"cookie": self.cookie},
            compression=None,
        )


async def hear(socket: ClientConnection, wanted: str) -> str:
    """The next frame that holds `wanted`; what comes before it does not matter."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            frame = str(await socket.recv())
            if wanted in frame:
                return frame


async def hear_all(socket: ClientConnection, last: str) -> str:
    """Every frame up to the one that holds `last`, joined."""
    heard = ""
    async with asyncio.timeout(PATIENCE_S):
        while last not in heard:
            heard += str(await socket.recv())
    return heard
