"""Shows pages to their viewer, and turns each refusal into one: its sentence beside the form, and what was typed."""

import logging
from collections.abc import Callable, Mapping
from urllib.parse import quote

import msgspec
from litestar.enums import HttpMethod
from litestar.exceptions import HTTPException, MethodNotAllowedException
from litestar.response import Redirect, Response
from litestar.status_codes import HTTP_404_NOT_FOUND

from parlour.accounts.authentication import Authentication, SignedOutForm, SomebodyElse, StaleForm
from parlour.errors import NotSameOrigin, NotThere, Refusal, SignedOut, TooMany, Unavailable, WrongMethod
from parlour.forms import Asked, Form, parse_revision, wants_fragments
from parlour.porter import POLICY_IN_A_FRAME
from parlour.templating import Templates, html

log = logging.getLogger(__name__)

Shown = tuple[str, dict[str, object]]  # a template's name, and what it shows

TITLES = {404: "Nothing here", 403: "Not from here", 429: "A little too fast", 500: "Something broke"}
NOT_YET = "Nothing was done yet"
DID_NOT_WORK = "That did not work"
CHOOSE_AGAIN = "The recording must be chosen again."
ASSETS = "/assets"
BROKEN = "Something went wrong on our side. It has been written down; please try again."


class FormPage(msgspec.Struct, frozen=True):
    """The page that a form stands on, drawn from the form and the ids in its address alone.

    A handler names it as its `form_page`, so that a form which is refused before the handler has it is not lost.
    """

    draw: Callable[[Form, Mapping[str, str]], Shown]
    for_visitors: bool = False


class Pages:
    """Draws a page or a fragment with what each of them needs: the viewer, a form token, and an alert."""

    def __init__(self, templates: Templates, authentication: Authentication, *, registration_open: bool) -> None:
        self._templates = templates
        self._authentication = authentication
        self._always = {"alert": None, "alert_field": "", "back": None, "registration_open": registration_open}

    def show(self, request: Asked, name: str, status: int = 200, /, **context: object) -> Response[str]:
        """The template `name`, drawn for whoever asks. `alert` is a sentence, or left out.

        What is `framed`, or stands in the place of what is, may stand in a frame of a page of ours.
        """
        viewer = request.state.get("viewer")
        context.setdefault("token", self.make_token(request))
        framed = context.get("framed") or _is_framed(request)
        always = self._always | {"unread": request.state.get("unread", 0)}
        content = self._templates.draw(name, **(always | context | {"framed": framed}), viewer=viewer)
        response = html(content, status)
        if framed:
            response.headers["content-security-policy"] = POLICY_IN_A_FRAME
        if not viewer:
            self._authentication.remember_visitor(request, response)
        return response

    def make_token(self, request: Asked) -> str:
        """A value for the forms of a page that whoever asks will see."""
        return self._authentication.make_token(request)

    def on_refusal(self, request: Asked, name: str, /, **context: object) -> None:
        """From here on, a refusal of this request shows this page, with its sentence as `alert`."""
        request.state["form_page"] = (name, context)

    def refuse(self, request: Asked, refusal: Exception) -> Response[str] | Redirect:
        """The answer to a request that raised: the one place where a refusal becomes a page."""
        known = _as_refusal(refusal)
        _note_frame(request)
        if isinstance(known, SomebodyElse):
            return self._ask_to_sign_in(request, known)
        name, context = request.state.get("form_page") or _form_page(request, known) or (None, {})
        if isinstance(known, SignedOut) and name is None:
            return self._ask_to_sign_in(request, known)
        if _is_beside_every_route(request, refusal) and not self._authentication.has_session(request):
            return self._ask_to_sign_in(request, SignedOut())
        if name is None and _may_be_resent(request, known):
            name, context = "resend.html", _as_sent(request, known)
        if name is None:
            title = TITLES.get(known.status, DID_NOT_WORK)
            name, context = "refused.html", {"title": title, "again": _looks(request)}
        sent = request.state.get("form", {}).get("token", "")
        if _is_of_somebody_unknown(request, known) or (sent and isinstance(known, Unavailable)):
            # It may not have been judged yet, and a new one would be nobody's, or somebody else's.
            context = {**context, "token": sent}
        alert = _sentence(request, known)
        response = self.show(request, name, known.status, **context, alert=alert, alert_field=known.field)
        if isinstance(known, TooMany):
            response.headers["retry-after"] = str(known.retry_after_s)
        if isinstance(refusal, MethodNotAllowedException):
            response.headers |= refusal.headers or {}
        return response

    def _ask_to_sign_in(self, request: Asked, refusal: SignedOut | SomebodyElse) -> Response[str] | Redirect:
        if _looks(request):
            return Redirect(f"/sign-in?next={quote(_address(request), safe='/')}", status_code=303)
        # Back to the page that the form stands on; where it was sent to may be no page at all.
        route = request.scope.get("route_handler")
        form = refusal.form if isinstance(refusal, SignedOutForm | SomebodyElse) else {}
        known = {**request.path_params, "after": parse_revision(form) or ""}
        page = str(route.opt.get("page", "/")).format_map(known) if route else "/"
        carried = carried_by(form, form.get("token", ""))
        context = {"username": "", "next": page, "carried": carried, "alert": str(refusal)}
        return self.show(request, "accounts/sign_in.html", refusal.status, **context)


def carried_by(form: Form, written_on: str) -> list[tuple[str, str]]:
    """What the page to sign in carries on: the text of a form, and the token of the page that it was written on."""
    return [("text", form["text"]), ("written_on", written_on)] if form.get("text") else []


def _is_framed(request: Asked) -> bool:
    """Whether the answer comes into a frame of a page of ours."""
    route = request.scope.get("route_handler")
    return "framed" in request.state.get("form", {}) or bool(route and route.opt.get("framed"))


def _note_frame(request: Asked) -> None:
    """Has a form that was sent from a frame be answered there, also where none of it could be read."""
    if request.method == HttpMethod.POST and request.headers.get("sec-fetch-dest") == "iframe":
        request.state["form"] = request.state.get("form", {}) | {"framed": "yes"}


def _form_page(request: Asked, refusal: Refusal) -> Shown | None:
    """The page of the form that was refused; none where there is no form, or nobody may know that there is one."""
    route = request.scope.get("route_handler")
    page = route.opt.get("form_page") if route else None
    if not isinstance(page, FormPage) or isinstance(refusal, NotThere):
        return None
    known = page.for_visitors or request.state.get("viewer")
    if not known and not _is_of_somebody_unknown(request, refusal):
        return None
    try:
        return page.draw(request.state.get("form", {}), request.path_params)
    except NotThere:  # an address with no such form, whatever else is wrong with it
        return None


def _is_of_somebody_unknown(request: Asked, refusal: Refusal) -> bool:
    """Whether whoever sent this form could not be looked up; a script keeps for itself what it sent."""
    state = request.state
    looked_up = "viewer" in state or "form" not in state
    return not (looked_up or isinstance(refusal, NotSameOrigin) or wants_fragments(request))


def _may_be_resent(request: Asked, refusal: Refusal) -> bool:
    """Whether a form that stands on no page of its own may do its work, sent once more just as it is."""
    if isinstance(refusal, Unavailable):
        return "form" in request.state and not wants_fragments(request)
    return isinstance(refusal, StaleForm)


def _sentence(request: Asked, refusal: Refusal) -> str:
    """What is said of it; no page can hold a file that was chosen."""
    lost = isinstance(refusal, Unavailable) and request.state.get("upload") and not wants_fragments(request)
    return f"{refusal} {CHOOSE_AGAIN}" if lost else str(refusal)


def _is_beside_every_route(request: Asked, error: Exception) -> bool:
    """Whether the router itself found nothing there, before anyone asked who is signed in."""
    if isinstance(error, MethodNotAllowedException):
        return _looks(request)
    missed = isinstance(error, HTTPException) and error.status_code == HTTP_404_NOT_FOUND
    return missed and not request.url.path.startswith(ASSETS)


def _looks(request: Asked) -> bool:
    return request.method == HttpMethod.GET


def _address(request: Asked) -> str:
    """Path and query as they were asked for, in every escape."""
    path, query = request.scope["raw_path"].decode("latin-1"), request.scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def _as_sent(request: Asked, refusal: Refusal) -> dict[str, object]:
    """A form as it was sent, to be looked at and sent again from a page of ours."""
    form: Form = request.state["form"]
    title = NOT_YET if isinstance(refusal, StaleForm) else DID_NOT_WORK
    hidden = [(name, value) for name, value in form.items() if name not in ("token", "text", "password")]
    return {"title": title, "action": request.url.path, "hidden": hidden, "text": form.get("text")}


def _as_refusal(error: Exception) -> Refusal:
    """What was raised, in our words; what nobody foresaw is logged."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, MethodNotAllowedException):
        return WrongMethod()
    if isinstance(error, HTTPException) and error.status_code == HTTP_404_NOT_FOUND:
        return NotThere()
    if isinstance(error, HTTPException) and error.status_code < 500:
        return _Odd(error.status_code)
    log.error("A request failed.", exc_info=error)
    return _Broken()


class _Broken(Refusal):
    """A failure of ours."""

    status = 500
    sentence = BROKEN


class _Odd(Refusal):
    """Something that the framework refused before we saw it."""

    def __init__(self, status: int) -> None:
        super().__init__("This request was not understood.")
        self.status = status
