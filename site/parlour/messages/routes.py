"""Posting, reading, editing and deleting messages; each form has an answer with scripts and one without."""

from collections.abc import Mapping

import msgspec
from litestar import get, post
from litestar.params import FromPath
from litestar.response import Redirect, Response

from parlour.accounts.authentication import Posted, ThePosted, TheViewer
from parlour.accounts.pages import FormPage, Pages, Shown
from parlour.accounts.sessions import Viewer, forget_carried
from parlour.conversations.memberships import Gate, Place, enter
from parlour.db import Database, Reading
from parlour.errors import Refusal, TooMany, Unavailable
from parlour.forms import (
    Asked,
    BadKey,
    Form,
    Given,
    new_key,
    parse_id,
    parse_key,
    parse_number,
    parse_revision,
    wants_fragments,
)
from parlour.messages import editing, markup
from parlour.messages.answering import Answers
from parlour.messages.drawing import as_row
from parlour.messages.history import PAGE_ROWS, Line, find_message, find_own_message
from parlour.messages.posting import Posting
from parlour.messages.reading import mark_unread, read_up_to
from parlour.messages.speaking import Speaking
from parlour.rates import Limiter
from parlour.templating import html
from parlour.voice.store import Store

INTERVALS = ("5", "15", "30", "60", "manual")  # how often a refreshing page comes: seconds, or when one asks for it


class NoNumber(Refusal):
    """A read mark that is no number."""

    sentence = "What was read must be told as a number."


class Unseen(msgspec.Struct, frozen=True):
    """A conversation or a message of which only the id is known, since nobody has looked it up."""

    id: int
    name: str = "the conversation"
    notes: bool = False


def composer_again(form: Form, ids: Mapping[str, str]) -> Shown:
    """The composer with what was typed."""
    conversation = Unseen(parse_id(ids["conversation_id"]))
    context = {
        "conversation": conversation,
        "text": form.get("text", ""),
        "key": _same_key(form),
        "after": _cursor(form),
        "back": _refreshing(form),
    }
    return _composer_page(form), context


@get("/conversations/{conversation_id:str}/composer", opt={"framed": True})
async def composer(
    request: Asked, conversation_id: FromPath[str], viewer: TheViewer, database: Given[Database], pages: Given[Pages]
) -> Response[str]:
    """The composer alone, for a frame of its own: to post from it loads nothing else anew."""
    async with database.reading() as db:
        place = await enter(db, viewer.id, parse_id(conversation_id))
    context = {"conversation": place, "text": "", "key": new_key(), "after": place.revision}
    return pages.show(request, "messages/framed.html", **context)


@post(
    "/conversations/{conversation_id:str}/messages",
    opt={
        "page": "/conversations/{conversation_id}",
        "form_page": FormPage(composer_again),
        "file_field": "recording",
        "goes_to_place": True,
    },
)
async def post_message(
    request: Asked,
    conversation_id: FromPath[str],
    posted: ThePosted,
    database: Given[Database],
    gate: Given[Gate],
    pages: Given[Pages],
    posting: Given[Posting],
    speaking: Given[Speaking],
    answers: Given[Answers],
    posts: Given[Limiter],
) -> Response[str] | Redirect:
    """Says something. The answer comes once it is committed, and only then."""
    viewer, form = posted.viewer, posted.form
    found = request.state.get("place")  # together with the session, unless there is none
    place = found if isinstance(found, Place) else await gate.enter(viewer.id, parse_id(conversation_id))
    context = {"conversation": place, "text": form.get("text", ""), "key": _same_key(form), "after": place.revision}
    pages.on_refusal(request, _composer_page(form), **context, back=_refreshing(form))
    upload = posted.upload
    key, text = parse_key(form), markup.normalise(form.get("text", ""), may_be_empty=upload is not None)
    try:
        posts.count(viewer.id)
    except TooMany:
        # It may still be a retry of what is stored.
        if upload:
            stored = await speaking.find(place, key, text, upload)
        else:
            stored = await posting.find(posting.draft(place, viewer.name, key, text))
        if not stored:
            raise
    else:
        try:
            if upload:
                stored = await speaking.post(place, viewer.name, key, text, upload)
            else:
                stored = await posting.post(place, viewer.name, key, text)
        except Unavailable:
            posts.take_back(viewer.id)  # what is not stored is no post
            raise
        if stored.again:
            posts.take_back(viewer.id)
    if viewer.carried_to(f"/conversations/{place.id}"):
        async with database.transaction() as writing:
            await forget_carried(writing, viewer)
    if not wants_fragments(request):
        return Redirect(f"/conversations/{place.id}{_page_after(form)}", status_code=303)
    return await answers.changed(viewer.id, place.id, stored.message_id, stored.revision, parse_revision(form))


@post("/conversations/{conversation_id:str}/read", opt={"page": "/conversations/{conversation_id}"})
async def read(
    request: Asked,
    conversation_id: FromPath[str],
    posted: ThePosted,
    database: Given[Database],
    gate: Given[Gate],
    answers: Given[Answers],
) -> Response[str] | Redirect:
    """The viewer's page says what was seen."""
    place = await gate.enter(posted.viewer.id, parse_id(conversation_id))
    seq = parse_number(posted.form.get("seq", ""))
    if seq is None:
        raise NoNumber
    if seq > place.told_seq:
        async with database.transaction() as writing:
            await read_up_to(writing, place, seq)
    if not wants_fragments(request):
        return Redirect(f"/conversations/{place.id}#latest", status_code=303)
    return await answers.newer(posted.viewer.id, place.id, place.revision, parse_revision(posted.form))


@post("/messages/{message_id:str}/unread", opt={"page": "/"})
async def unread(
    request: Asked, message_id: FromPath[str], posted: ThePosted, database: Given[Database]
) -> Response[str] | Redirect:
    """Unread again from this message on; without scripts one goes to the list, since the page itself would read it."""
    async with database.reading() as db:
        line = await find_message(db, posted.viewer.id, parse_id(message_id))
        place = await enter(db, posted.viewer.id, line.conversation_id)
    async with database.transaction() as writing:
        await mark_unread(writing, place, line.seq)
    return html("") if wants_fragments(request) else Redirect("/", status_code=303)


@get("/messages/{message_id:str}")
async def permalink(message_id: FromPath[str], viewer: TheViewer, database: Given[Database]) -> Redirect:
    """To the message's place in its conversation."""
    async with database.reading() as db:
        line = await find_message(db, viewer.id, parse_id(message_id))
        place = await enter(db, viewer.id, line.conversation_id)
    newer = place.last_seq - line.seq
    before = "" if newer < PAGE_ROWS else f"?before={line.seq + PAGE_ROWS // 2}"
    return Redirect(f"/conversations/{place.id}{before}#message-{line.id}", status_code=303)


@get("/messages/{message_id:str}/edit")
async def edit_page(
    request: Asked, message_id: FromPath[str], viewer: TheViewer, database: Given[Database], pages: Given[Pages]
) -> Response[str]:
    """The form to change what one said; with scripts a fragment, to stand in the message's place."""
    async with database.reading() as db:
        line = await find_own_message(db, viewer.id, parse_id(message_id))
        place = await enter(db, viewer.id, line.conversation_id)
        typed = viewer.carried_to(f"/messages/{line.id}/edit")
        overtaken = typed and await _is_overtaken(db, viewer, line)
    name = "messages/_edit.html" if wants_fragments(request) else "messages/edit.html"
    context = _form_context(line, place.revision) | {"in_place": wants_fragments(request)}
    if overtaken:
        return pages.show(request, name, **context | {"text": line.text or "", "typed": typed})
    return pages.show(request, name, **context | {"text": typed or line.text or ""})


def edit_again(form: Form, ids: Mapping[str, str]) -> Shown:
    """The form to change a message, with what was typed."""
    row = Unseen(parse_id(ids["message_id"]))
    context = {"row": row, "after": _cursor(form), "text": form.get("text", ""), "typed": "", "in_place": False}
    return "messages/edit.html", context


@post(
    "/messages/{message_id:str}/edit",
    opt={"page": "/messages/{message_id}/edit?after={after}", "form_page": FormPage(edit_again)},
)
async def edit(
    request: Asked,
    message_id: FromPath[str],
    posted: ThePosted,
    database: Given[Database],
    pages: Given[Pages],
    answers: Given[Answers],
) -> Response[str] | Redirect:
    """Changes what one said."""
    viewer, form = posted.viewer, posted.form
    async with database.reading() as db:
        line = await find_own_message(db, viewer.id, parse_id(message_id))
    context = _form_context(line, _cursor(form)) | {"text": form.get("text", ""), "in_place": False}
    pages.on_refusal(request, "messages/edit.html", **context)
    text = markup.normalise(form.get("text", ""), may_be_empty=line.recording is not None)
    revision = line.revision
    if text != line.text:
        async with database.transaction() as writing:
            revision = await editing.edit(writing, line, text)
    if viewer.carried_to(f"/messages/{line.id}/edit"):
        async with database.transaction() as writing:
            await forget_carried(writing, viewer)
    return await _answer_change(request, posted, line, revision, answers)


@get("/messages/{message_id:str}/delete")
async def delete_page(
    request: Asked, message_id: FromPath[str], viewer: TheViewer, database: Given[Database], pages: Given[Pages]
) -> Response[str]:
    """Asks whether it is meant."""
    async with database.reading() as db:
        line = await find_own_message(db, viewer.id, parse_id(message_id))
        place = await enter(db, viewer.id, line.conversation_id)
    name = "messages/_delete.html" if wants_fragments(request) else "messages/delete.html"
    return pages.show(request, name, **_form_context(line, place.revision), in_place=wants_fragments(request))


@post("/messages/{message_id:str}/delete", opt={"page": "/messages/{message_id}/delete"})
async def delete(
    request: Asked,
    message_id: FromPath[str],
    posted: ThePosted,
    database: Given[Database],
    answers: Given[Answers],
    store: Given[Store],
) -> Response[str] | Redirect:
    """Takes back what one said; a tombstone stays."""
    async with database.reading() as db:
        line = await find_own_message(db, posted.viewer.id, parse_id(message_id))
    async with database.transaction() as writing:
        revision, objects = await editing.delete(writing, line)
    await store.remove_soon(*objects)  # nobody can hear it any more
    return await _answer_change(request, posted, line, revision, answers)


def _composer_page(form: Form) -> str:
    """What shows a composer again that was refused."""
    return "messages/framed.html" if "framed" in form else "messages/refused.html"


def _page_after(form: Form) -> str:
    """Where one is led from a composer once the message is stored; below the conversation's own address."""
    if "framed" in form:
        return "/composer"
    every = _refreshing(form)
    return f"/refreshing?every={every}#latest" if every else "#latest"


def _refreshing(form: Form) -> str:
    """How often the page comes anew from which somebody writes, and to which they come back; empty for other pages."""
    every = form.get("refreshing", "")
    return every if every in INTERVALS else ""


def _same_key(form: Form) -> str:
    """The form's own key for the form that is shown again: should the message be stored after all, it is known."""
    try:
        return parse_key(form)
    except BadKey:
        return new_key()


async def _is_overtaken(db: Reading, viewer: Viewer, line: Line) -> bool:
    """Whether the message was changed since the viewer typed, while signed out, what it should become."""
    shown = viewer.carried_after
    return line.revision > shown if shown is not None else await editing.was_edited_after(db, line, viewer.since)


def _form_context(line: Line, after: int) -> dict[str, object]:
    return {"row": as_row(line, mine=True), "after": after, "typed": ""}


def _cursor(form: Form) -> int:
    return parse_revision(form) or 0


async def _answer_change(
    request: Asked, posted: Posted, line: Line, revision: int, answers: Answers
) -> Response[str] | Redirect:
    if not wants_fragments(request):
        return Redirect(f"/messages/{line.id}", status_code=303)
    after = parse_revision(posted.form)
    return await answers.changed(posted.viewer.id, line.conversation_id, line.id, revision, after)
