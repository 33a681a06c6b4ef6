"""Reads a form, urlencoded or multipart, within its limits of size and time; and the numbers in our addresses."""

import asyncio
import re
import secrets
from collections.abc import Mapping
from typing import TypeAlias, TypeVar
from urllib.parse import unquote_to_bytes

from litestar import Request
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from parlour.errors import BadRequest, NotAForm, NotThere, Refusal, TooLarge, TooSlow

FORM_LIMIT = 256 * 1024  # bytes
# What one form could hold, that of the page to sign in can carry, with a name, a password and what stands around them.
ROOM_BESIDE = 16 * 1024  # bytes
DRAIN_LIMIT = 8 * 1024 * 1024  # bytes of a too large body that are still taken, so that a browser hears the answer
FIELDS_AT_MOST = 100
CHUNK_WAIT_S = 10.0
BODY_WAIT_S = 60.0
GREATEST_ID = 2**63 - 1
KEY_BYTES = 16
DIGITS_AT_MOST = 20  # of a number that a server can count to

Thing = TypeVar("Thing")
# What the application hands to a handler by the parameter's name; it made the thing itself, and need not check it.
Given: TypeAlias = NamedDependency[SkipValidation[Thing]]

Asked = Request[object, object, State]
Form = dict[str, str]


class NotText(Refusal):
    """A field whose bytes are not UTF-8; `form` shows what can be read of it."""

    sentence = "This form holds something that is not text in UTF-8."

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.form = form


class TooLargeForm(TooLarge):
    """One field is above the limit by itself; `form` holds those that came before it."""

    sentence = "That is too large to send, or to be kept here; your browser may show it again when you go back."

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.form = form


class BadKey(Refusal):
    """A missing or malformed one-time key."""

    sentence = "This form has lost its one-time key. Please load the page again and send it once more."


async def read_form(request: Asked, limit: int = FORM_LIMIT) -> Form:
    """The fields by name; of a doubled one, the last. A body that is not there is an empty form.

    In parts, as forms of ours come that hold a text, it may be a little larger. Raises TooLarge, TooSlow, NotAForm,
    NotText, and BadRequest for broken multipart.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    body = await _read_body(request, limit + (ROOM_BESIDE if kind == "multipart/form-data" else 0))
    if kind == "application/x-www-form-urlencoded":
        return _urlencoded(body)
    if kind == "multipart/form-data":
        return _multipart(body, options.get("boundary", ""))
    if body or kind:
        raise NotAForm
    return {}


def wants_fragments(request: Asked) -> bool:
    """Whether a script asks, which swaps in what it gets."""
    return request.headers.get("hx-request") == "true"


def parse_id(text: str) -> int:
    """An id in an address: ASCII digits in their one spelling. Raises NotThere for any other."""
    if not re.fullmatch("[1-9][0-9]{0,18}", text) or int(text) > GREATEST_ID:
        raise NotThere
    return int(text)


def parse_number(text: str) -> int | None:
    """A number in ASCII digits, or None; beyond every place and id it is the greatest of them."""
    if not re.fullmatch("[0-9]+", text):
        return None
    digits = text.lstrip("0") or "0"
    return int(digits) if len(digits) < len(str(GREATEST_ID)) else GREATEST_ID


def parse_key(form: Form) -> str:
    """A form's one-time key. Raises BadKey."""
    key = form.get("key", "")
    if not re.fullmatch("[A-Za-z0-9_-]{16,64}", key):
        raise BadKey
    return key


def new_key() -> str:
    """A one-time key for a form that is about to be shown."""
    return secrets.token_urlsafe(KEY_BYTES)


def parse_revision(form: Form) -> int | None:
    """The cursor that a form carries as `after`, or None where it carries none that can be read."""
    text = form.get("after", "")
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else None


def announced_bytes(content_length: str) -> int:
    """How large a body says that it is; -1 where it does not say.

    More digits than count are noughts before them, which the server lets pass, and Python would not read thousands.
    """
    return int(content_length[-DIGITS_AT_MOST:]) if content_length.isdecimal() else -1


async def _read_body(request: Asked, limit: int) -> bytes:
    if announced_bytes(request.headers.get("content-length", "")) > DRAIN_LIMIT:
        raise TooLarge
    clock = asyncio.get_running_loop().time
    give_up_at = clock() + BODY_WAIT_S
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        try:
            async with asyncio.timeout(min(CHUNK_WAIT_S, give_up_at - clock())):
                message = await request.receive()
        except TimeoutError as error:
            raise TooSlow from error
        if message["type"] != "http.request":
            raise BadRequest  # the browser has gone; nobody reads this
        size += len(message["body"])
        if size > DRAIN_LIMIT:
            raise TooLarge
        if size <= limit:
            chunks.append(message["body"])
        more = message["more_body"]
    if size > limit:
        raise TooLarge
    return b"".join(chunks)


def _urlencoded(body: bytes) -> Form:
    pairs = body.split(b"&", FIELDS_AT_MOST)
    if len(pairs) > FIELDS_AT_MOST:
        raise BadRequest
    split = (pair.replace(b"+", b" ").partition(b"=") for pair in pairs if pair)
    return decoded({unquote_to_bytes(name): unquote_to_bytes(value) for name, _, value in split})


def _multipart(body: bytes, boundary: str) -> Form:
    """The fields that are text; files are no part of a plain form and fall away."""
    values: dict[bytes, bytearray] = {}
    current: bytearray | None = None
    try:
        with PushMultipartParser(boundary, max_segment_count=FIELDS_AT_MOST) as parser:
            for part in (*parser.parse(body), *parser.parse(b"")):
                if isinstance(part, MultipartSegment):
                    name = part.name.encode()
                    current = values.setdefault(name, bytearray()) if part.filename is None else None
                    if current:
                        current.clear()
                elif part and current is not None:
                    current += part
    except (MultipartError, ValueError) as error:
        raise BadRequest from error
    return decoded({name: bytes(value) for name, value in values.items()})


def decoded(fields: Mapping[bytes, bytes]) -> Form:
    try:
        return {name.decode(): value.decode() for name, value in fields.items()}
    except UnicodeDecodeError as error:
        raise NotText(legible(fields)) from error


def legible(fields: Mapping[bytes, bytes]) -> Form:
    """What can be read of fields that may be no text."""
    return {name.decode(errors="replace"): value.decode(errors="replace") for name, value in fields.items()}
