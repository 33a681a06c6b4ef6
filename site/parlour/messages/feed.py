"""What changed in a conversation, loaded once and drawn once for each kind of viewer, for answers and frames alike."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from itertools import takewhile

import msgspec

from parlour.db import Database
from parlour.messages.drawing import Drawing
from parlour.messages.history import CHANGES_AT_MOST, Line, read_changes

CONVERSATIONS_AT_MOST = 1_000  # whose latest changes are kept at hand
CHANGES_KEPT = 64  # of each
CHARACTERS_KEPT = 30_000  # of each; drawn for each kind of viewer they take several times as much


class TooFarBehind(Exception):
    """More has changed than is worth sending; the page should be loaded anew."""


class Change:
    """A message as it is now, and its fragments as far as somebody has asked for them."""

    __slots__ = ("_drawing", "_drawn", "line")

    def __init__(self, line: Line, drawing: Drawing) -> None:
        self.line = line
        self._drawing = drawing
        self._drawn: dict[Hashable, str] = {}

    @property
    def characters(self) -> int:
        return len(self.line.text or "")

    def place_after(self, after: int) -> int:
        """Which revision a page at `after` lacks first: that of the message's birth, or of its last change."""
        return self.line.posted_revision if self.line.posted_revision > after else self.line.revision

    def fragment(self, viewer_id: int, after: int) -> str:
        """The partials that bring a page from revision `after` up to this change."""
        mine, added = self.line.author_id == viewer_id, self.line.posted_revision > after
        return self.drawn((mine, added), lambda: self._drawing.change(self.line, mine=mine, added=added))

    def drawn(self, kind: Hashable, draw: Callable[[], str]) -> str:
        """The fragment of that kind, drawn by whoever asks for it first."""
        if kind not in self._drawn:
            self._drawn[kind] = draw()
        return self._drawn[kind]


def fragments(changes: Sequence[Change], viewer_id: int, after: int) -> str:
    """The partials that bring a page from revision `after` up to now."""
    return "".join(change.fragment(viewer_id, after) for change in in_order(changes, after))


def in_order(changes: Sequence[Change], after: int) -> list[Change]:
    """What a page at revision `after` lacks, what was said in the order in which it was said.

    A message that was edited before the page ever saw it must not come behind what was said after it.
    """
    return sorted(changes, key=lambda change: change.place_after(after))


class Changes(msgspec.Struct, frozen=True):
    """Everything after a cursor, in the order of revisions, and the revision that one stands at with it."""

    revision: int
    changes: list[Change]


class Recent:
    """The latest changes of one conversation: complete after revision `since`, up to `revision`."""

    __slots__ = ("_characters", "changes", "loading", "revision", "since")

    def __init__(self, since: int) -> None:
        self.since = self.revision = since
        self.changes: OrderedDict[int, Change] = OrderedDict()  # by message, the one changed last at the end
        self.loading = asyncio.Lock()  # what many ask for at once is loaded once
        self._characters = 0

    def add(self, change: Change) -> None:
        # An older state of the same message is of no more use.
        if older := self.changes.pop(change.line.id, None):
            self._characters -= older.characters
        self.changes[change.line.id] = change
        self._characters += change.characters
        self.revision = change.line.revision
        while len(self.changes) > CHANGES_KEPT or (self._characters > CHARACTERS_KEPT and len(self.changes) > 1):
            _, dropped = self.changes.popitem(last=False)
            self._characters -= dropped.characters
            self.since = dropped.line.revision

    def after(self, revision: int) -> Changes:
        newer = takewhile(lambda change: change.line.revision > revision, reversed(self.changes.values()))
        return Changes(self.revision, list(newer)[::-1])


class Feed:
    """The changes of every conversation that somebody looks at or writes in."""

    def __init__(self, database: Database, drawing: Drawing) -> None:
        self._database = database
        self._drawing = drawing
        self._recent: OrderedDict[int, Recent] = OrderedDict()

    def take(self, lines: Sequence[Line]) -> None:
        """New messages that this process has just committed, so that it need not ask for them."""
        for line in lines:
            recent = self._at_hand(line.conversation_id, since=line.revision - 1)
            if recent.revision == line.revision - 1:
                recent.add(Change(line, self._drawing))

    async def after(self, conversation_id: int, after: int, reaching: int) -> Changes:
        """What came after the cursor `after`, at least up to the committed revision `reaching`. Raises TooFarBehind."""
        recent = self._at_hand(conversation_id, since=min(after, reaching))
        if recent.revision < min(after, reaching) - CHANGES_KEPT:
            # Nobody has looked for long, and whoever asks knows all that one would have to load.
            recent = self._recent[conversation_id] = Recent(min(after, reaching))
        if recent.revision < reaching:
            async with recent.loading:
                if recent.revision < reaching:
                    await self._load(conversation_id, recent)
        if after >= recent.since:
            return recent.after(after)
        async with self._database.reading() as db:
            lines = await read_changes(db, conversation_id, after)
        if len(lines) > CHANGES_AT_MOST:
            raise TooFarBehind
        newest = max((line.revision for line in lines), default=reaching)
        return Changes(newest, [Change(line, self._drawing) for line in lines])

    async def portion(self, conversation_id: int, after: int, reaching: int) -> list[Change]:
        """What came after the cursor, in the order of revisions; where that is too much, as far as one look goes."""
        try:
            return (await self.after(conversation_id, after, reaching)).changes
        except TooFarBehind:
            async with self._database.reading() as db:
                lines = await read_changes(db, conversation_id, after)
            return [Change(line, self._drawing) for line in lines]

    async def _load(self, conversation_id: int, recent: Recent) -> None:
        async with self._database.reading() as db:
            lines = await read_changes(db, conversation_id, recent.revision)
        if len(lines) > CHANGES_AT_MOST:
            self._recent.pop(conversation_id, None)
            raise TooFarBehind
        for line in lines:
            if line.revision > recent.revision:  # meanwhile somebody else may have loaded it as well
                recent.add(Change(line, self._drawing))

    def _at_hand(self, conversation_id: int, since: int) -> Recent:
        recent = self._recent.get(conversation_id)
        if recent is None:
            recent = self._recent[conversation_id] = Recent(since)
        self._recent.move_to_end(conversation_id)
        if len(self._recent) > CONVERSATIONS_AT_MOST:
            self._recent.popitem(last=False)
        return recent
