"""Draws messages: as a row of the page, and as the partials that bring an open page up to date."""

from datetime import datetime

import msgspec
from markupsafe import Markup

from parlour.messages.history import Line
from parlour.messages.markup import render
from parlour.templating import Templates


class MessageRow(msgspec.Struct, frozen=True):
    """A message as a viewer sees it; what `messages/_article.html` shows."""

    id: int
    conversation_id: int
    seq: int
    revision: int
    author_id: int
    author_name: str
    mine: bool
    html: Markup
    deleted: bool
    edited: bool
    changed: bool  # since it was posted
    posted_at: datetime
    continues: bool
    opens_day: bool


def as_row(line: Line, *, mine: bool) -> MessageRow:
    """The row of a message, for its author or for the others."""
    return MessageRow(
        id=line.id,
        conversation_id=line.conversation_id,
        seq=line.seq,
        revision=line.revision,
        author_id=line.author_id,
        author_name=line.author_name,
        mine=mine,
        html=render(line.text or ""),
        deleted=line.deleted,
        edited=line.edited,
        changed=line.revision != line.posted_revision,
        posted_at=line.posted_at,
        continues=line.continues,
        opens_day=line.opens_day,
    )


def as_page(lines: list[Line], viewer_id: int) -> list[MessageRow]:
    """The rows of a page; its first one stands under its day and its author, whatever came before it."""
    rows = [as_row(line, mine=line.author_id == viewer_id) for line in lines]
    if rows:
        rows[0] = msgspec.structs.replace(rows[0], opens_day=True, continues=False)
    return rows


class Drawing:
    """The fragments of messages."""

    def __init__(self, templates: Templates) -> None:
        self._change = templates.get("messages/_change.html")
        self._cursor = templates.get("messages/_cursor.html")
        self._answer = templates.get("messages/_answer.html")

    def change(self, line: Line, *, mine: bool, added: bool) -> str:
        """The partials for one changed message: `added` for a page that may lack it, else drawn again in its place."""
        return self._change.render(row=as_row(line, mine=mine), added=added)

    def cursor(self, revision: int) -> str:
        """The inputs named `after`, anew."""
        return self._cursor.render(after=revision)

    def answer(self, key: str, revision: int | None) -> str:
        """The inputs of the composer that are new after a form was answered."""
        return self._answer.render(key=key, after=revision)
