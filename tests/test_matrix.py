"""Who may do what, for every route that the router knows; a route that has no row here fails."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import httpx
import pytest
from litestar.routes import HTTPRoute
from sqlalchemy import select

from browsing import ON_SQLITE
from conftest import KEYS, PUSH_KEY
from parlour import db
from parlour.app import create_site
from parlour.config import Config
from parlour.db import Base
from parlour.security import Origins
from people import PASSWORD, TRUSTED, Fields, Person
from voice.voices import PHONE, speak

KEY = "0123456789abcdef"
CANARY = "what nobody else may read"
FOREIGN = "http://elsewhere.test"

Route = tuple[str, str]


def every_route() -> Iterator[Route]:
    """Method and path of all that can be asked for."""
    site = create_site(Config(secret_keys=KEYS, push_key=PUSH_KEY), Origins("", "127.0.0.1", 8000))
    for route in site.routes:
        methods = route.methods if isinstance(route, HTTPRoute) else {"GET"}
        yield from ((method, route.path) for method in sorted(methods - {"OPTIONS"}))


ROUTES = list(every_route())

# What each form needs besides its token; `{…}` in a path is an id. In an order in which each can be sent.
FORMS: dict[str, Fields] = {
    "/sign-up": {"username": "Dee", "password": PASSWORD},
    "/sign-in": {"username": "Ada", "password": PASSWORD},
    "/conversations": {"username": "Ada"},
    "/conversations/{conversation_id:str}/messages": {"text": "hello", "key": KEY},
    "/conversations/{conversation_id:str}/read": {"seq": "2"},
    "/conversations/{conversation_id:str}/settings": {"mute": "8 hours"},
    "/settings": {},  # every box unticked
    "/messages/{message_id:str}/unread": {},
    "/messages/{message_id:str}/edit": {"text": "changed"},
    "/recordings/{recording_id:str}/listened": {"position": "1.5", "speed": "2", "heard": "1"},
    "/messages/{message_id:str}/delete": {},
    "/settings/notifications/on": {
        "endpoint": "https://push.example.org/ada",
        "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "auth": "BTBZMqHH6r4Tts7J_aSIgg",
    },
    "/settings/notifications/off": {},
    "/settings/feed": {},
    "/settings/sessions/{session_id:str}/end": {},
    "/sign-out": {},
    "/settings/sessions/end-all": {},
}
FOR_VISITORS = ("/sign-up", "/sign-in")
LEADS_NOWHERE = "/{rest:path}"
LATELY = ("last_used_at", "last_seen_at")

# What the browser says of a form that is not ours, or does not say; the token is the right one all the same.
NOT_OURS = {
    "another site": {"sec-fetch-site": "cross-site"},
    "a sibling of ours": {"sec-fetch-site": "same-site"},
    "no page at all": {"sec-fetch-site": "none"},
    "another site that claims our origin": {"sec-fetch-site": "cross-site", "origin": "{ours}"},
    "two sites": {"sec-fetch-site": "same-origin, cross-site"},
    "a foreign origin": {"origin": FOREIGN},
    "a null origin": {"origin": "null"},
    "an origin that begins like ours": {"origin": "{ours}.elsewhere.test"},
    "our host at another port": {"origin": "http://127.0.0.1:1"},
    "our host by another scheme": {"origin": "{secure}"},
}


@pytest.fixture
async def rows(database_url: str) -> AsyncIterator[Callable[[], Awaitable[object]]]:
    """Tells what is stored, apart from when somebody was here last."""
    database = db.connect(database_url, lambda _events: None)

    async def all_rows() -> object:
        tables = [
            select(*(column for column in table.columns if column.name not in LATELY))
            for table in Base.metadata.sorted_tables
        ]
        async with database.reading() as reading:
            return [sorted(map(repr, (await reading.execute(table)).all())) for table in tables]

    yield all_rows
    await database.close()


class Stage:
    """Ada has talked with Bo, and nobody else; Bo has not read her last message yet."""

    def __init__(self, ada: Person, bo: Person, cy: Person, visitor: Person) -> None:
        self.ada, self.bo, self.cy, self.visitor = ada, bo, cy, visitor
        self.ids = {"conversation_id": 0, "message_id": 0, "recording_id": 0, "session_id": 0}

    async def set(self, conversation: int) -> None:
        await self.visitor.get("/sign-in")
        await self.bo.say(conversation, "hello, Ada")
        assert (await speak(self.ada, conversation, PHONE.content, CANARY)).status == 303
        page = await self.ada.get(f"/conversations/{conversation}")
        message = re.findall(r'<article id="message-(\d+)"', page.text)[-1]
        recording = re.findall(r'data-recording="(\d+)"', page.text)[-1]
        self.ids |= {"conversation_id": conversation, "message_id": int(message), "recording_id": int(recording)}
        await self.see_session()

    async def see_session(self) -> None:
        """Ada's session has an id, another one each time that she signs in."""
        page = await self.ada.get("/settings/sessions")
        session = re.search(r"/settings/sessions/(\d+)/end", page.text)
        assert session
        self.ids["session_id"] = int(session[1])

    async def come_back(self) -> None:
        """Ada signs in again if she was signed out."""
        if (await self.ada.get("/settings")).status == 303:
            await self.ada.sign_in("Ada")
            await self.see_session()

    def sender(self, path: str) -> Person:
        """Somebody for whom the form at this path would change something."""
        if path in FOR_VISITORS:
            return self.visitor
        return self.bo if path.endswith("/read") else self.ada

    def at(self, path: str, **ids: object) -> str:
        """A route's path with ids in their places."""
        filled = re.sub(r"\{(\w+):\w+\}", r"{\1}", path)
        known = self.ids | {"address": "app.css", "token": "1-00", "rest": "nowhere/at/all"} | ids
        return filled.format_map(known | {"sound": f"{known['recording_id']}.m4a"})


@pytest.fixture
async def stage(house: str, ada: Person, bo: Person, cy: Person, talk: int) -> AsyncIterator[Stage]:
    async with Person(house) as visitor:
        stage = Stage(ada, bo, cy, visitor)
        await stage.set(talk)
        yield stage


def without_a_word(person: Person) -> httpx.AsyncClient:
    """The same browser, only that it never says where a request comes from."""
    return httpx.AsyncClient(base_url=person.url, cookies=person.client.cookies, verify=TRUSTED)


async def token_of(person: Person, form: str = "/sign-out") -> str:
    page = await person.get(form if form in FOR_VISITORS else "/settings")
    return page.forms[0].fields["token"]


def test_whatever_changes_something_has_its_row() -> None:
    sends_forms = [path for method, path in ROUTES if method != "GET" and path != LEADS_NOWHERE]
    assert sorted(sends_forms) == sorted(FORMS)
    assert {method for method, path in ROUTES if path != LEADS_NOWHERE} == {"GET", "POST"}


@ON_SQLITE
async def test_a_form_that_is_not_ours_is_refused_and_changes_nothing(
    stage: Stage, rows: Callable[[], Awaitable[object]]
) -> None:
    before = await rows()
    for path, fields in FORMS.items():
        sender = stage.sender(path)
        form = fields | {"token": await token_of(sender, path)}
        async with without_a_word(sender) as client:
            for case, headers in NOT_OURS.items():
                secure = sender.url.replace("http", "https")
                said = {name: value.format(ours=sender.url, secure=secure) for name, value in headers.items()}
                answer = await client.post(stage.at(path), data=form, headers=said)
                assert answer.status_code == 403, (path, case)
                assert 'role="alert"' in answer.text, (path, case)
                assert await rows() == before, (path, case)


@ON_SQLITE
async def test_a_form_of_a_browser_that_says_nothing_needs_the_sessions_own_token(
    stage: Stage, rows: Callable[[], Awaitable[object]]
) -> None:
    async with Person(stage.ada.url) as elsewhere, Person(stage.ada.url) as another:
        for path, fields in FORMS.items():
            sender = stage.sender(path)
            await elsewhere.sign_in(sender.name or "Ada")
            right = await token_of(sender, path)
            wrong = {
                "an empty token": "",
                "somebody else's token": await token_of(stage.cy),
                "the token of another session": await token_of(elsewhere),
                "the token of a visitor": await token_of(another, "/sign-in"),
                "half a token": right.partition(".")[0],
                "a token that was touched": right[:-3] + "AAA",
                "no ASCII": "é" + right,
            }
            before = await rows()
            async with without_a_word(sender) as client:
                for case, token in wrong.items():
                    answer = await client.post(stage.at(path), data=fields | {"token": token})
                    assert answer.status_code == 403, (path, case)
                    assert await rows() == before, (path, case)
                answer = await client.post(stage.at(path), data=fields)
                assert answer.status_code == 403, path
                assert await rows() == before, path
                if path not in FOR_VISITORS:  # a page that outlived its person, in the same browser
                    form = fields | {"token": wrong["somebody else's token"]}
                    answer = await client.post(stage.at(path), data=form, headers={"sec-fetch-site": "same-origin"})
                    assert (answer.status_code, "is signed in here now" in answer.text) == (403, True), path
                    assert await rows() == before, path
            await elsewhere.post("/sign-out")


SHOWN = {"fetch": {"sec-fetch-site": "same-origin"}, "origin": {"origin": "{ours}"}, "token": {"x": "nothing"}}


@pytest.mark.parametrize("said", SHOWN.values(), ids=SHOWN.keys())
@ON_SQLITE
async def test_a_form_of_ours_passes_by_what_the_browser_says_or_else_by_its_token(
    said: dict[str, str], stage: Stage, rows: Callable[[], Awaitable[object]]
) -> None:
    for path, fields in FORMS.items():
        await stage.come_back()
        sender = stage.sender(path)
        token = await token_of(sender, path) if "x" in said else "stale"
        before = await rows()
        async with without_a_word(sender) as client:
            headers = {name: value.format(ours=sender.url) for name, value in said.items()}
            answer = await client.post(stage.at(path), data=fields | {"token": token}, headers=headers)
        assert answer.status_code == 303, path
        assert await rows() != before, path


SIGN_IN = "303 to the sign-in page"
ENDLESS = ("/conversations/{conversation_id:str}/live", "/inbox/live")  # only their heads are asked for
Answers = tuple[object, object, object, object]  # anonymous, outsider, other member, author or owner

WITH_AN_ID: dict[Route, Answers] = {
    ("GET", "/conversations/{conversation_id:str}"): (SIGN_IN, 404, 200, 200),
    ("GET", "/conversations/{conversation_id:str}/composer"): (SIGN_IN, 404, 200, 200),
    ("GET", "/conversations/{conversation_id:str}/live"): (SIGN_IN, 404, 200, 200),
    ("GET", "/conversations/{conversation_id:str}/refreshing"): (SIGN_IN, 404, 200, 200),
    ("GET", "/conversations/{conversation_id:str}/without-scripts"): (SIGN_IN, 404, 200, 200),
    ("POST", "/conversations/{conversation_id:str}/messages"): (401, 404, 303, 303),
    ("POST", "/conversations/{conversation_id:str}/read"): (401, 404, 303, 303),
    ("POST", "/conversations/{conversation_id:str}/settings"): (401, 404, 303, 303),
    ("GET", "/messages/{message_id:str}"): (SIGN_IN, 404, 303, 303),
    ("POST", "/messages/{message_id:str}/unread"): (401, 404, 303, 303),
    ("GET", "/messages/{message_id:str}/edit"): (SIGN_IN, 404, 404, 200),
    ("POST", "/messages/{message_id:str}/edit"): (401, 404, 404, 303),
    ("GET", "/messages/{message_id:str}/delete"): (SIGN_IN, 404, 404, 200),
    ("GET", "/recordings/{sound:str}"): (SIGN_IN, 404, 200, 200),
    ("POST", "/recordings/{recording_id:str}/listened"): (401, 404, 303, 303),
    ("POST", "/messages/{message_id:str}/delete"): (401, 404, 404, 303),
    ("POST", "/settings/sessions/{session_id:str}/end"): (401, 404, 404, 303),
    ("GET", "/feeds/{token:str}"): (404, 404, 404, 404),  # by its secret alone, and then for everyone
    ("GET", "/assets/{address:str}"): (404, 404, 404, 404),  # by its digest alone, and then for everyone
    ("GET", LEADS_NOWHERE): (SIGN_IN, 404, 404, 404),
    ("POST", LEADS_NOWHERE): (401, 404, 404, 404),
    ("PUT", LEADS_NOWHERE): (401, 404, 404, 404),
    ("PATCH", LEADS_NOWHERE): (401, 404, 404, 404),
    ("DELETE", LEADS_NOWHERE): (401, 404, 404, 404),
}
WITHOUT_ID: dict[Route, tuple[object, object]] = {  # anonymous, anybody who is signed in
    ("GET", "/"): (SIGN_IN, 200),
    ("GET", "/inbox/live"): (SIGN_IN, 200),
    ("GET", "/people"): (SIGN_IN, 200),
    ("GET", "/settings"): (SIGN_IN, 200),
    ("GET", "/settings/sessions"): (SIGN_IN, 200),
    ("GET", "/settings/notifications"): (SIGN_IN, 200),
    ("GET", "/sign-up"): (200, 303),
    ("GET", "/sign-in"): (200, 303),
    ("GET", "/live"): (SIGN_IN, 405),  # a page's socket, and nothing for a plain request
    ("GET", "/share"): (SIGN_IN, 200),
    ("GET", "/service-worker.js"): (200, 200),
    ("GET", "/manifest.webmanifest"): (200, 200),
    ("GET", "/healthz"): (200, 200),
    ("GET", "/readyz"): (200, 200),
    ("POST", "/settings"): (401, 303),
    ("POST", "/settings/notifications/on"): (401, 303),
    ("POST", "/settings/notifications/off"): (401, 303),
    ("POST", "/settings/feed"): (401, 303),
    ("POST", "/sign-out"): (401, 303),
    ("POST", "/settings/sessions/end-all"): (401, 303),
    ("POST", "/conversations"): (401, 303),
    ("POST", "/sign-up"): (303, 303),
    ("POST", "/sign-in"): (303, 303),
}


def test_every_route_has_its_row() -> None:
    assert sorted(ROUTES) == sorted([*WITH_AN_ID, *WITHOUT_ID])
    assert all("{" in path for _, path in WITH_AN_ID)


async def test_what_has_an_id_answers_to_each_as_it_should(stage: Stage) -> None:
    for (method, path), answers in WITH_AN_ID.items():
        await stage.come_back()
        fields = FORMS.get(path, {})
        elsewhere = stage.at(path, **dict.fromkeys(stage.ids, 999))
        for person, expected in zip((stage.visitor, stage.cy, stage.bo, stage.ada), answers, strict=True):
            who = f"{method} {path} by {person.name or 'somebody'}"
            asked = "HEAD" if path in ENDLESS else method
            answer = await person.client.request(asked, stage.at(path), data=fields)
            missing = await person.client.request(asked, elsewhere, data=fields)
            if expected == SIGN_IN:
                assert answer.headers["location"] == f"/sign-in?next={stage.at(path)}", who
                assert missing.headers["location"] == f"/sign-in?next={elsewhere}", who
            else:
                assert answer.status_code == expected, who
            if expected in (401, 404, SIGN_IN):
                assert CANARY not in answer.text, who
                assert answer.status_code == missing.status_code, who
            if expected == 404:
                # Nobody can tell what is not there from what is not theirs.
                assert answer.content == missing.content, who
                assert same_headers(answer) == same_headers(missing), who


async def test_what_has_no_id_answers_to_those_without_and_within(stage: Stage) -> None:
    for (method, path), answers in WITHOUT_ID.items():
        await stage.come_back()
        for person, expected in zip((stage.visitor, stage.ada), answers, strict=True):
            who = f"{method} {path} by {person.name or 'somebody'}"
            name = {"username": "Eve" if person.name else "Dee"} if path == "/sign-up" else {}
            asked = "HEAD" if path in ENDLESS else method
            answer = await person.client.request(asked, path, data=FORMS.get(path, {}) | name)
            if expected == SIGN_IN:
                assert answer.headers["location"] == f"/sign-in?next={path}", who
            assert answer.status_code == (303 if expected == SIGN_IN else expected), who
            if not person.name:
                person.client.cookies.clear()


async def test_who_is_outside_is_not_told_what_is_wrong_with_a_question(stage: Stage) -> None:
    for question in ("?before=never", "/refreshing?every=7", "/live?after=x"):
        answers = [
            await stage.cy.client.get(f"/conversations/{number}{question}")
            for number in (stage.ids["conversation_id"], 999)
        ]
        assert [answer.status_code for answer in answers] == [404, 404], question
        assert answers[0].content == answers[1].content, question


async def test_htmx_learns_no_more_than_a_form(stage: Stage) -> None:
    for method, path in WITH_AN_ID:
        answer = await stage.cy.client.request(
            method, stage.at(path), data=FORMS.get(path) or None, headers={"hx-request": "true"}
        )
        assert answer.status_code == 404, path
        assert CANARY not in answer.text


async def test_a_session_that_was_ended_is_nobody(stage: Stage) -> None:
    cookie = {"cookie": stage.ada.cookie}
    assert (await stage.ada.post("/sign-out")).status == 303
    async with httpx.AsyncClient(
        base_url=stage.ada.url, headers=cookie | {"origin": stage.ada.url}, verify=TRUSTED
    ) as thief:
        for (method, path), answers in WITH_AN_ID.items():
            answer = await thief.request(method, stage.at(path), data=FORMS.get(path) or None)
            assert answer.status_code == (303 if answers[0] == SIGN_IN else answers[0]), path
            assert CANARY not in answer.text


def same_headers(answer: httpx.Response) -> list[tuple[str, str]]:
    return [(name, value) for name, value in answer.headers.multi_items() if name != "date"]
