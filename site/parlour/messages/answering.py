"""The answer to a form that htmx posted: everything newer than the form's cursor, and what the form needs anew."""

from collections.abc import Callable, Sequence

from litestar.response import Response

from parlour.db import Database
from parlour.forms import new_key
from parlour.messages.drawing import Drawing
from parlour.messages.feed import Change, Feed, TooFarBehind, fragments
from parlour.messages.history import find_message
from parlour.templating import html

LOAD_ANEW = '<hx-partial hx-target="#beat" hx-swap="innerHTML"><page-reload></page-reload></hx-partial>'


class Answers:
    """Draws answers out of the feed, so that what an answer and a frame both show is drawn once."""

    def __init__(
        self, database: Database, feed: Feed, drawing: Drawing, note_came: Callable[[int, int, int], None]
    ) -> None:
        self._database = database
        self._feed = feed
        self._drawing = drawing
        self._note_came = note_came  # up to which place a conversation has come to a user

    async def changed(
        self, viewer_id: int, conversation_id: int, message_id: int, revision: int, after: int | None
    ) -> Response[str]:
        """What is newer than `after`, with the changed message itself in any case; without `after`, it alone."""
        since = revision - 1 if after is None else after
        try:
            newer = await self._feed.after(conversation_id, since, revision)
        except TooFarBehind:
            return html(await self._one(viewer_id, message_id, since) + LOAD_ANEW)
        shown = [change for change in newer.changes if after is not None or change.line.id == message_id]
        content = fragments(shown, viewer_id, since)
        self._note(shown, viewer_id, since)
        if not any(change.line.id == message_id for change in shown):
            content += await self._one(viewer_id, message_id, since)
        cursor = None if after is None else max(newer.revision, after)
        return html(content + self._drawing.answer(new_key(), cursor))

    async def newer(self, viewer_id: int, conversation_id: int, revision: int, after: int | None) -> Response[str]:
        """What is newer than `after`; nothing without it."""
        if after is None or after >= revision:
            return html("")
        try:
            newer = await self._feed.after(conversation_id, after, revision)
        except TooFarBehind:
            return html(LOAD_ANEW)
        self._note(newer.changes, viewer_id, after)
        return html(fragments(newer.changes, viewer_id, after) + self._drawing.cursor(newer.revision))

    def _note(self, shown: Sequence[Change], viewer_id: int, after: int) -> None:
        """What others said has come with the answer, whether or not there is a line to say so."""
        news = [each.line for each in shown if each.line.posted_revision > after and each.line.author_id != viewer_id]
        if news:
            self._note_came(news[0].conversation_id, viewer_id, max(line.seq for line in news))

    async def _one(self, viewer_id: int, message_id: int, after: int) -> str:
        async with self._database.reading() as db:
            line = await find_message(db, viewer_id, message_id)
        # What the page's cursor has passed is drawn again in its place; a page that begins later has none for it.
        return Change(line, self._drawing).fragment(viewer_id, after)
