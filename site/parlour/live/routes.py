"""The handshake of a page's socket, its hello, and what it may send."""

import contextlib
import re
import time
from typing import Annotated

import msgspec
from litestar import WebSocket, websocket
from litestar.datastructures import State

from parlour.accounts.attempts import network
from parlour.accounts.authentication import Authentication
from parlour.conversations.memberships import Place, enter
from parlour.db import Database
from parlour.errors import Refusal, TooMany, Unavailable
from parlour.forms import GREATEST_ID, Given, parse_id
from parlour.live.audience import Audience
from parlour.live.company import Company
from parlour.live.delivery import Delivery
from parlour.live.frames import Frames
from parlour.live.sockets import Socket
from parlour.live.wire import wire_of
from parlour.rates import Limiter, Rate
from parlour.security import Origins

NOT_ALLOWED = 1008
NOT_TEXT = 1003
TRY_LATER = 1013
# A page that was turned away for talking too fast may come back at once, but not again and again: to shake hands
# with it costs more than to hear what it says.
TURNED_AWAY = Rate(3, 30)  # pages of one session

Asking = WebSocket[object, object, State]


class Hello(msgspec.Struct, frozen=True):
    """A page's first words: the revision that it shows, and what its list shows. Other keys are the form's own."""

    after: str | int | None = None
    list: msgspec.Raw = msgspec.Raw(b"null")


Known = Annotated[int, msgspec.Meta(ge=0, le=GREATEST_ID)]


class Word(msgspec.Struct, frozen=True):
    """What a page may say afterwards: where conversations have come to it, what its person does, that it is seen."""

    came: dict[Known, Known] = {}
    doing: str | None = None
    shown: bool = False  # it is before somebody's eyes


class NoHello(Refusal):
    """The first frame of a page is not one that htmx would send."""


@websocket("/live")
async def live(
    socket: Asking,
    authentication: Given[Authentication],
    database: Given[Database],
    origins: Given[Origins],
    audience: Given[Audience],
    delivery: Given[Delivery],
    company: Given[Company],
    frames: Given[Frames],
    frame_rate: Given[Rate],
    turned_away: Given[Limiter],
) -> None:
    """The line to one open page, for as long as it lasts."""
    if not origins.is_our_origin(socket.headers.getall("origin", [])):
        await _deny(socket, 403, "This page is not one of ours.")
        return
    try:
        viewer = await authentication.find(socket)
        if not viewer:
            await socket.accept()
            wire = wire_of(socket.scope)
            wire.write(frames.signed_out)
            wire.close(NOT_ALLOWED)
            return
        if turned_away.is_used_up(viewer.session_id):
            await socket.accept()
            wire_of(socket.scope).close(TRY_LATER)
            return
        wanted = socket.query_params.get("conversation")
        conversation_id = None if wanted is None else parse_id(wanted)
        place: Place | None = None
        if conversation_id is not None:
            async with database.reading() as db:
                place = await enter(db, viewer.id, conversation_id)
    except Refusal as refusal:
        await _deny(socket, refusal.status, str(refusal))
        return
    address = network(socket.client.host) if socket.client else ""
    await socket.accept()
    page = Socket(
        wire_of(socket.scope),
        user_id=viewer.id,
        session_id=viewer.session_id,
        ends_at=viewer.ends_at,
        conversation_id=conversation_id,
        other_id=None if place is None or place.notes else place.other_id,
        address=address,
    )
    if not audience.has_room(viewer.id, address):
        page.wire.close(TRY_LATER)
        return
    audience.enter(page)
    try:
        # The session may have ended between the look and the entrance, and then nobody would have told this page.
        await delivery.check_session(page)
        await _listen(socket, page, delivery, company, frame_rate)
    except TooMany:
        page.wire.turn_away(TRY_LATER)
        with contextlib.suppress(TooMany):  # of the sockets that it had open before it was turned away
            turned_away.count(viewer.session_id)
    except Unavailable:
        page.wire.close(TRY_LATER)
    finally:
        audience.leave(page)
        company.leave(page)


async def _listen(socket: Asking, page: Socket, delivery: Delivery, company: Company, rate: Rate) -> None:
    """Takes what the page sends until it goes: its hello, and afterwards what came to it and what its person does.

    Raises TooMany where it says more than anybody does.
    """
    while True:
        message = await socket.receive()
        if message["type"] != "websocket.receive":
            return
        text = message.get("text")
        if text is None:
            page.wire.close(NOT_TEXT)
        elif _too_often(page, rate):
            raise TooMany(rate.seconds)
        elif page.greeted:
            _hear_word(text, page, company)
        elif not page.wire.closing:
            try:
                after, known_list = _parse_hello(text, page)
            except NoHello:
                page.wire.close(NOT_ALLOWED)
            else:
                await delivery.greet(page, after, known_list)


def _parse_hello(text: str, page: Socket) -> tuple[int, str | None]:
    """The revision that the page shows, and the digest of its list if it has one. Raises NoHello."""
    try:
        hello = msgspec.json.decode(text, type=Hello)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise NoHello from error
    after = "0" if page.conversation_id is None else str(hello.after)
    if not re.fullmatch("[0-9]{1,18}", after):
        raise NoHello
    try:
        return int(after), msgspec.json.decode(hello.list, type=str)
    except msgspec.DecodeError:
        return int(after), None


def _hear_word(text: str, page: Socket, company: Company) -> None:
    """What a page says after its hello; what cannot be understood says nothing."""
    try:
        word = msgspec.json.decode(text, type=Word)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return
    if word.came:
        company.acknowledge(page, word.came)
    if word.doing is not None:
        company.act(page, word.doing)
    if word.shown:
        company.note_shown(page)


def _too_often(page: Socket, rate: Rate) -> bool:
    now = time.monotonic()
    if now - page.frames_since >= rate.seconds:
        page.frames, page.frames_since = 0, now
    page.frames += 1
    return page.frames > rate.count


async def _deny(socket: Asking, status: int, sentence: str) -> None:
    """Answers the handshake like any other request that is refused."""
    body = f"{sentence}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await socket.send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await socket.send({"type": "websocket.http.response.body", "body": body, "more_body": False})
