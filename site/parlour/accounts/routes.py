"""Signing up, in and out, and the list of one's sessions."""

from collections.abc import Mapping

import msgspec
from litestar import get, post
from litestar.params import FromPath
from litestar.response import Redirect, Response

from parlour.accounts import attempts, sessions, users
from parlour.accounts.authentication import (
    Authentication,
    KnownBrowser,
    TheForm,
    ThePosted,
    TheViewer,
    with_user,
)
from parlour.accounts.names import BadUserName, parse_name, skeleton
from parlour.accounts.pages import FormPage, Pages, Shown, carried_by
from parlour.accounts.passwords import PasswordPool
from parlour.accounts.sessions import Carried
from parlour.accounts.ways import local_path, page_around, way_on
from parlour.db import Database
from parlour.errors import Forbidden
from parlour.forms import Asked, Form, Given, parse_id
from parlour.rates import Rate


class RegistrationClosed(Forbidden):
    """The operator lets nobody in by themselves."""

    sentence = "This Parlour is closed to new people. Ask whoever runs it for an account."


class Doorway(msgspec.Struct, frozen=True):
    """What the operator decided about who may come in, and how often they may try."""

    registration_open: bool
    secret: str  # what keeps addresses out of the table of attempts
    rate_sign_ins: Rate
    rate_address: Rate
    rate_sign_ups: Rate


@get("/sign-up")
async def sign_up_page(
    request: Asked, authentication: Given[Authentication], pages: Given[Pages], doorway: Given[Doorway]
) -> Response[str] | Redirect:
    """The first page that a newcomer sees."""
    path = way_on(request, request.query_params.get("next", ""))
    if await authentication.find(request):
        return Redirect(path or "/", status_code=303)
    if not doorway.registration_open:
        raise RegistrationClosed
    return pages.show(request, "accounts/sign_up.html", username="", next=path)


def sign_up_again(form: Form, _ids: Mapping[str, str]) -> Shown:
    """The page for newcomers, with what was typed; never a password."""
    return "accounts/sign_up.html", {
        "username": form.get("username", ""),
        "next": local_path(form.get("next", "")),
    }


@post("/sign-up", opt={"form_page": FormPage(sign_up_again, for_visitors=True)})
async def sign_up(
    request: Asked,
    visited: TheForm,
    authentication: Given[Authentication],
    doorway: Given[Doorway],
    database: Given[Database],
    passwords: Given[PasswordPool],
) -> Redirect:
    """A new user, signed in."""
    if not doorway.registration_open:
        raise RegistrationClosed
    name, path = visited.get("username", ""), way_on(request, visited.get("next", ""))
    network = attempts.network(_address(request))
    by_address = attempts.subject(doorway.secret, "address", network)
    ups = attempts.subject(doorway.secret, "sign-up", network)
    async with database.transaction() as db:
        await attempts.check_attempts(db, by_address, doorway.rate_address)
        await attempts.check_attempts(db, ups, doorway.rate_sign_ups)
        await attempts.note_attempt(db, by_address)
    user_id = await users.sign_up(database, passwords, name, visited.get("password", ""))
    async with database.transaction() as db:
        await attempts.note_attempt(db, ups)
    return await _sign_in(request, authentication, database, user_id, Carried(path, ""))


@get("/sign-in")
async def sign_in_page(
    request: Asked, authentication: Given[Authentication], pages: Given[Pages]
) -> Response[str] | Redirect:
    """Where somebody who was signed out comes back in."""
    path = way_on(request, request.query_params.get("next", ""))
    if await authentication.find(request):
        return Redirect(path or "/", status_code=303)
    around = page_around(path)
    return pages.show(
        request, "accounts/sign_in.html", username="", next=around or path, carried=[], framed=bool(around)
    )


def sign_in_again(form: Form, _ids: Mapping[str, str]) -> Shown:
    """The page to sign in, with what was typed; never a password."""
    return "accounts/sign_in.html", {
        "username": form.get("username", ""),
        "next": local_path(form.get("next", "")),
        "carried": carried_by(form, form.get("written_on", "")),
    }


@post("/sign-in", opt={"form_page": FormPage(sign_in_again, for_visitors=True)})
async def sign_in(
    request: Asked,
    visited: TheForm,
    authentication: Given[Authentication],
    doorway: Given[Doorway],
    database: Given[Database],
    passwords: Given[PasswordPool],
) -> Redirect:
    """A new session; what was typed while signed out goes with it."""
    name, path = visited.get("username", ""), way_on(request, visited.get("next", ""))
    counted = await _counted(request, authentication, database, doorway, visited)
    async with database.transaction() as db:
        for subject, rate in counted:
            await attempts.check_attempts(db, subject, rate)
        for subject, _rate in counted:
            await attempts.note_attempt(db, subject)
    user_id = await users.prove(database, passwords, name, visited.get("password", ""))
    async with database.transaction() as db:
        await attempts.forget_last_attempt(db, counted[0][0])  # it was no failure
    # Nobody is handed what somebody else wrote.
    text = visited.get("text", "") if authentication.may_be_of(visited.get("written_on", ""), user_id) else ""
    return await _sign_in(request, authentication, database, user_id, Carried(path, text))


@post("/sign-out", opt={"page": "/"})
async def sign_out(posted: ThePosted, authentication: Given[Authentication], database: Given[Database]) -> Redirect:
    """Ends the session in use, here and in every open page of it."""
    async with database.transaction() as db:
        await sessions.end_session(db, posted.viewer, posted.viewer.session_id)
    return _signed_out(authentication)


@get("/settings/sessions")
async def list_sessions(
    request: Asked,
    viewer: TheViewer,
    authentication: Given[Authentication],
    database: Given[Database],
    pages: Given[Pages],
) -> Response[str]:
    """Every browser in which the viewer is signed in."""
    async with database.reading() as db:
        rows = await sessions.list_sessions(db, viewer, authentication.lifetime)
    return pages.show(request, "accounts/sessions.html", sessions=rows)


@post("/settings/sessions/{session_id:str}/end", opt={"page": "/settings/sessions"})
async def end_session(
    session_id: FromPath[str], posted: ThePosted, authentication: Given[Authentication], database: Given[Database]
) -> Redirect:
    """Signs one browser out."""
    ended = parse_id(session_id)
    async with database.transaction() as db:
        await sessions.end_session(db, posted.viewer, ended)
    if ended == posted.viewer.session_id:
        return _signed_out(authentication)
    return Redirect("/settings/sessions", status_code=303)


@post("/settings/sessions/end-all", opt={"page": "/settings/sessions"})
async def end_every_session(
    posted: ThePosted, authentication: Given[Authentication], database: Given[Database]
) -> Redirect:
    """Signs every browser out, this one too."""
    async with database.transaction() as db:
        await sessions.end_every_session(db, posted.viewer)
    return _signed_out(authentication)


async def _counted(
    request: Asked, authentication: Authentication, database: Database, doorway: Doorway, form: Form
) -> list[tuple[str, Rate]]:
    """What this sign-in counts towards; the first of them counts failures alone.

    A browser that signed in under this name before is counted by itself, so that nobody else can lock it out.
    """
    try:
        seen = skeleton(parse_name(form.get("username", "")))
    except BadUserName:
        seen = ""
    async with database.reading() as db:
        found = await users.find_user(db, form.get("username", ""))
    known = authentication.known_browser(request)
    if found and found.id in known.user_ids:
        return [(attempts.subject(doorway.secret, "browser", known.device, seen), doorway.rate_sign_ins)]
    network = attempts.network(_address(request))
    return [
        (attempts.subject(doorway.secret, "name", seen, network), doorway.rate_sign_ins),
        (attempts.subject(doorway.secret, "address", network), doorway.rate_address),
    ]


async def _sign_in(
    request: Asked, authentication: Authentication, database: Database, user_id: int, carried: Carried
) -> Redirect:
    before = await authentication.find(request)
    agent = request.headers.get("user-agent", "")
    async with database.transaction() as db:
        if before:  # the browser's session before this one is of no more use to anybody
            await sessions.end_session(db, before, before.session_id)
        token = await sessions.begin_session(db, user_id, agent, carried)
    known: KnownBrowser = with_user(authentication.known_browser(request), user_id)
    response = Redirect(carried.path or "/", status_code=303)
    authentication.remember_session(response, token, known)
    return response


def _signed_out(authentication: Authentication) -> Redirect:
    response = Redirect("/sign-in", status_code=303)
    authentication.forget_session(response)
    # Going back must not show what the browser kept to ask about; all else that is private it was told not to keep.
    response.headers["clear-site-data"] = '"cache"'
    return response


def _address(request: Asked) -> str:
    return request.client.host if request.client else ""
