"""Reads a form, urlencoded or multipart, within its limits of size and time; and the numbers in our addresses."""

import asyncio
import re
import secrets
from typing import TypeAlias, TypeVar
from urllib.parse import parse_qsl

from litestar import Request
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from parlour.errors import BadRequest, NotAForm, NotThere, Refusal, TooLarge, TooSlow

FORM_LIMIT = 256 * 1024  # bytes
DRAIN_LIMIT = 8 * 1024 * 1024  # bytes of a too large body that are still taken, so that a browser hears the answer
FIELDS_AT_MOST = 100
CHUNK_WAIT_S = 10.0
BODY_WAIT_S = 60.0
GREATEST_ID = 2**63 - 1
KEY_BYTES = 16

Thing = TypeVar("Thing")
# What the application hands to a handler by the parameter's name; it made the thing itself, and need not check it.
Given: TypeAlias = NamedDependency[SkipValidation[Thing]]

Asked = Request[object, object, State]
Form = dict[str, str]


class NotText(Refusal):
    """A field whose bytes are not UTF-8."""

    sentence = "This form holds something that is not text in UTF-8."


class BadKey(Refusal):
    """A missing or malformed one-time key."""

    sentence = "This form has lost its one-time key. Please load the page again and send it once more."


async def read_form(request: Asked, limit: int = FORM_LIMIT) -> Form:
    """The fields by name; of a doubled one, the last. A body that is not there is an empty form.

    Raises TooLarge, TooSlow, NotAForm, NotText, and BadRequest for broken multipart.
    """
    body = await _read_body(request, limit)
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind == "application/x-www-form-urlencoded":
        return _urlencoded(body)
    if kind == "multipart/form-data":
        return _multipart(body, options.get("boundary", ""))
    if body or kind:
        raise NotAForm
    return {}


def parse_id(text: str) -> int:
    """An id in an address: ASCII digits in their one spelling. Raises NotThere for any other."""
    if not re.fullmatch("[1-9][0-9]{0,18}", text) or int(text) > GREATEST_ID:
        raise NotThere
    return int(text)


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


async def _read_body(request: Asked, limit: int) -> bytes:
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > DRAIN_LIMIT:
        raise TooLarge
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_WAIT_S):
            while True:
                message = await asyncio.wait_for(request.receive(), CHUNK_WAIT_S)
                if message["type"] != "http.request":
                    raise BadRequest  # the browser has gone; nobody reads this
                size += len(message["body"])
                if size > DRAIN_LIMIT:
                    raise TooLarge
                if size <= limit:
                    chunks.append(message["body"])
                if not message["more_body"]:
                    break
    except TimeoutError as error:
        raise TooSlow from error
    if size > limit:
        raise TooLarge
    return b"".join(chunks)


def _urlencoded(body: bytes) -> Form:
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=FIELDS_AT_MOST, separator="&"
        )
    except UnicodeDecodeError as error:
        raise NotText from error
    except ValueError as error:
        raise BadRequest from error
    return dict(pairs)


def _multipart(body: bytes, boundary: str) -> Form:
    """The fields that are text; files are no part of a plain form and fall away."""
    values: dict[str, bytearray] = {}
    current: bytearray | None = None
    try:
        with PushMultipartParser(boundary, max_segment_count=FIELDS_AT_MOST) as parser:
            for part in (*parser.parse(body), *parser.parse(b"")):
                if isinstance(part, MultipartSegment):
                    current = values.setdefault(part.name, bytearray()) if part.filename is None else None
                    if current:
                        current.clear()
                elif part and current is not None:
                    current += part
        return {name: value.decode() for name, value in values.items()}
    except UnicodeDecodeError as error:
        raise NotText from error
    except (MultipartError, ValueError) as error:
        raise BadRequest from error
