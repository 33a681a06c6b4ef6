"""From a request to its viewer: cookies, the session behind them, and the same-origin rule for forms."""

import contextlib
import secrets
from collections.abc import Awaitable, Callable
from functools import lru_cache

import msgspec
from itsdangerous import BadSignature, Signer, URLSafeSerializer
from litestar import Request, WebSocket
from litestar.datastructures import Cookie, State
from litestar.response import Response

from parlour.accounts.sessions import AtHome, Lifetime, SessionFound, SignedIn, Viewer, digest_of, find_viewer
from parlour.db import Database
from parlour.errors import Forbidden, NotSameOrigin, NotThere, Refusal, SignedOut, Unavailable
from parlour.forms import Asked, Form, Given, NotText, TooLargeForm, parse_id, read_form, wants_fragments
from parlour.security import FormTokens, Origins, shown_same_origin
from parlour.uploads import Upload, begin_form, is_multipart

VISITOR_BYTES = 16
DEVICE_BYTES = 16
KNOWN_NAMES_AT_MOST = 20  # people who share one browser
NOBODY = "nobody"
YEAR_S = 365 * 86_400
KNOWN_COOKIES = 4_096

CountUnread = Callable[[int], Awaitable[int]]  # of a user, in all
Connection = Request[object, object, State] | WebSocket[object, object, State]


class SignedOutForm(SignedOut):
    """A form arrived whose session is over; what was typed into it must not be lost."""

    def __init__(self, form: Form) -> None:
        super().__init__("Your session is over. Please sign in again; what you wrote is kept.")
        self.form = form


class StaleForm(NotSameOrigin):
    """A browser that does not say where a form comes from sent one whose token does not fit this session."""

    def __init__(self, form: Form) -> None:
        super().__init__("This page was out of date, so nothing was done. If you meant it, please send it again.")
        self.form = form


class SomebodyElse(Forbidden):
    """A form of one person's page arrived when another was signed in; it must not become theirs."""

    def __init__(self, form: Form, name: str) -> None:
        super().__init__(
            f"{name} is signed in here now, and this page was somebody else's, so nothing was done. "
            "What was written is kept for whoever wrote it."
        )
        self.form = form


class Posted(msgspec.Struct, frozen=True):
    """A form that the viewer sent from a page of ours."""

    viewer: Viewer
    form: Form
    upload: Upload | None  # where the form has a file, of which nothing was read yet


class KnownBrowser(msgspec.Struct, frozen=True):
    """A browser, and the ids of the users who signed in with it before."""

    device: str
    user_ids: list[int]


class Authentication:
    """Reads and writes our cookies, and finds the session behind them."""

    def __init__(
        self,
        database: Database,
        signed_in: SignedIn,
        at_home: AtHome,
        keys: tuple[str, ...],
        lifetime: Lifetime,
        origins: Origins,
    ) -> None:
        newest_last = list(reversed(keys))
        self._database = database
        self._signed_in, self._at_home = signed_in, at_home
        self._origins = origins
        self._sessions = Signer(newest_last, salt="session", key_derivation="hmac")
        self._known = URLSafeSerializer(newest_last, salt="known browser", signer_kwargs={"key_derivation": "hmac"})
        # The same cookie comes with each of a browser's requests, and to derive keys and seal costs as much as a look.
        self._unsigned = lru_cache(KNOWN_COOKIES)(self._unsign)
        self._prefix = "__Host-" if origins.https else ""
        self.tokens = FormTokens(keys)
        self.lifetime = lifetime

    async def find(self, connection: Connection) -> Viewer | None:
        """Who is asking, or None for somebody who is not signed in; asked once a request."""
        notes = _notes(connection)
        if "viewer" not in notes:
            token = self._session_token(connection)
            session = await self._look_up(connection, digest_of(token)) if token else None
            notes["viewer"] = await find_viewer(self._database, session, self.lifetime) if session else None
        found = notes["viewer"]
        return found if isinstance(found, Viewer) else None

    def has_session(self, connection: Connection) -> bool:
        """Whether a session's cookie came along that we signed; it may be over by now."""
        return bool(self._session_token(connection))

    async def find_or_refuse(self, connection: Connection) -> Viewer:
        """Who is asking. Raises SignedOut."""
        viewer = await self.find(connection)
        if not viewer:
            raise SignedOut
        return viewer

    async def posted(self, request: Asked) -> Posted:
        """The viewer and their form.

        Raises NotSameOrigin, StaleForm, SignedOutForm, SomebodyElse and what `read_form` raises.
        """
        shown, form = await self._receive(request)
        viewer = await self.find(request)
        if not viewer:
            raise SignedOutForm(form)
        if self.tokens.is_of_another(form.get("token", ""), self.person(request)):
            raise SomebodyElse(form, viewer.name)
        self._check_token(request, form, shown)
        upload = _notes(request).get("upload")
        return Posted(viewer, form, upload if isinstance(upload, Upload) else None)

    async def visited(self, request: Asked) -> Form:
        """A form of somebody who need not be signed in. Raises NotSameOrigin, StaleForm and what `read_form` raises."""
        shown, form = await self._receive(request)
        self._check_token(request, form, shown)
        return form

    def subject(self, connection: Connection) -> str:
        """Whom a form's token belongs to: the session, or before there is one this visitor."""
        viewer = _notes(connection).get("viewer")
        if isinstance(viewer, Viewer):
            return f"session {viewer.session_id}"
        return f"visitor {self._visitor(connection)}"

    def person(self, connection: Connection) -> str:
        """Whose a form is, through whichever of their sessions."""
        viewer = _notes(connection).get("viewer")
        return _person(viewer.id) if isinstance(viewer, Viewer) else NOBODY

    def make_token(self, connection: Connection) -> str:
        """A value for the forms of a page that whoever asks will see."""
        return self.tokens.make(self.subject(connection), self.person(connection))

    def may_be_of(self, token: str, user_id: int) -> bool:
        """Whether what came in a form with this token may have been written by that user."""
        return not self.tokens.is_of_another(token, _person(user_id))

    def remember_visitor(self, connection: Connection, response: Response[str]) -> None:
        """Gives somebody who is not signed in the cookie that their forms' tokens belong to."""
        visitor = self._visitor(connection)
        if connection.cookies.get(self._name("visitor")) != visitor:
            response.set_cookie(self._cookie("visitor", visitor))

    def remember_session(self, response: Response[None], token: str, known: KnownBrowser) -> None:
        """Signs this browser in, and notes that it has been here under that name."""
        response.set_cookie(self._cookie("session", self._sessions.sign(token).decode(), self.lifetime.limit_s))
        response.set_cookie(self._cookie("known", str(self._known.dumps(msgspec.to_builtins(known))), YEAR_S))

    def forget_session(self, response: Response[None]) -> None:
        """Takes the session's cookie back."""
        response.set_cookie(self._cookie("session", "", 0))

    def known_browser(self, connection: Connection) -> KnownBrowser:
        """Who signed in with this browser before, as its own signed cookie tells."""
        try:
            told = self._known.loads(connection.cookies.get(self._name("known"), ""))
            return msgspec.convert(told, KnownBrowser)
        except (BadSignature, msgspec.ValidationError):
            return KnownBrowser(secrets.token_urlsafe(DEVICE_BYTES), [])

    async def _receive(self, request: Asked) -> tuple[bool, Form]:
        """Whether the browser itself says that the form is ours, and the form; kept for a page that shows it again."""
        try:
            shown = shown_same_origin(request.headers, self._origins)
        except NotSameOrigin:
            with contextlib.suppress(Refusal):
                await self._read(request)
            raise
        return shown, await self._read(request)

    async def _read(self, request: Asked) -> Form:
        file_field = request.route_handler.opt.get("file_field")
        with_parts = file_field and is_multipart(request)
        outage = None
        try:
            await self.find(request)
        except Unavailable as error:  # raised once the form is kept: what was typed must not be lost
            outage = error
        try:
            if with_parts:
                form, _notes(request)["upload"] = await begin_form(request, str(file_field))
            else:
                form = await read_form(request)
        except (NotText, TooLargeForm) as refused:
            _notes(request)["form"] = refused.form
            raise
        _notes(request)["form"] = form
        if outage:
            raise outage
        return form

    def _check_token(self, request: Asked, form: Form, shown: bool) -> None:
        token = form.get("token", "")
        if not shown and not self.tokens.fits(token, self.subject(request), self.person(request)):
            raise StaleForm(form)

    async def _look_up(self, connection: Connection, digest: bytes) -> SessionFound | None:
        """The session; with the place of its user in the conversation that they go to, where the route says so."""
        if connection.route_handler.opt.get("goes_to_place"):
            with contextlib.suppress(NotThere):  # which is said once it is known who asks
                place = parse_id(connection.path_params["conversation_id"])
                if found := await self._at_home.find((digest, place)):
                    session, _notes(connection)["place"] = found
                    return session
        return await self._signed_in.find(digest)

    def _session_token(self, connection: Connection) -> str:
        return self._unsigned(connection.cookies.get(self._name("session"), ""))

    def _unsign(self, signed: str) -> str:
        """The token in a session's cookie; empty where we did not sign it."""
        try:
            return self._sessions.unsign(signed).decode()
        except (BadSignature, UnicodeError):
            return ""

    def _visitor(self, connection: Connection) -> str:
        """The visitor's cookie, or a new value for it; the same one all through a request."""
        if "visitor" not in _notes(connection):
            told = connection.cookies.get(self._name("visitor"), "")
            usable = len(told) >= VISITOR_BYTES and told.isascii() and told.isprintable()
            _notes(connection)["visitor"] = told if usable else secrets.token_urlsafe(VISITOR_BYTES)
        return str(_notes(connection)["visitor"])

    def _name(self, name: str) -> str:
        return self._prefix + name

    def _cookie(self, name: str, value: str, max_age_s: int | None = None) -> Cookie:
        return Cookie(
            self._name(name),
            value=value,
            max_age=max_age_s,
            path="/",
            secure=self._origins.https,
            httponly=True,
            samesite="lax",
        )


def _notes(connection: Connection) -> dict[str, object]:
    """What is known of a request so far; the framework would wrap it anew each time that it is looked at."""
    notes: dict[str, object] = connection.scope["state"]
    return notes


def _person(user_id: int) -> str:
    return f"user {user_id}"


def with_user(known: KnownBrowser, user_id: int) -> KnownBrowser:
    """The same browser, known under this user too."""
    others = [other for other in known.user_ids if other != user_id]
    return KnownBrowser(known.device, [user_id, *others][:KNOWN_NAMES_AT_MOST])


async def viewer(request: Asked, authentication: Given[Authentication], count_unread: Given[CountUnread]) -> Viewer:
    """The dependency `viewer`: who is asking. Raises SignedOut."""
    found = await authentication.find_or_refuse(request)
    await _count(request, found, count_unread)
    return found


async def posted(request: Asked, authentication: Given[Authentication], count_unread: Given[CountUnread]) -> Posted:
    """The dependency `posted`: the viewer and the form that they sent."""
    try:
        return await authentication.posted(request)
    finally:
        # A refusal's title tells it, too.
        if isinstance(found := _notes(request).get("viewer"), Viewer):
            await _count(request, found, count_unread)


async def recognise(request: Asked, authentication: Authentication, count_unread: CountUnread) -> None:
    """Notes who is asking where anybody may, for the title of a page that refuses."""
    if found := await authentication.find(request):
        await _count(request, found, count_unread)


async def _count(request: Asked, found: Viewer, count_unread: CountUnread) -> None:
    """Counts what the title of a whole page tells; a fragment has none."""
    if not wants_fragments(request):
        _notes(request)["unread"] = await count_unread(found.id)


async def visited(request: Asked, authentication: Given[Authentication]) -> Form:
    """The dependency `visited`: the form of somebody who need not be signed in."""
    return await authentication.visited(request)


# What a handler declares; Litestar must not try to read these from the request itself.
TheViewer = Given[Viewer]
ThePosted = Given[Posted]
TheForm = Given[Form]
