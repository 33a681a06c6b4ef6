"""Writes a group of messages by one statement, where their conversations still end as this process left them.

To take the locks, to look what is known and to write are seven questions, one after the other, and under load each
waits for its turn on both sides. Here all is worked out before the database is asked, which says whether it was right.
"""

from collections.abc import Sequence

from sqlalchemy import (
    BigInteger,
    ColumnClause,
    TableValuedAlias,
    bindparam,
    column,
    exists,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.sql.elements import KeyedColumnElement

from parlour.conversations.models import Conversation, Membership
from parlour.db import Often, Transaction
from parlour.events import ConversationChanged
from parlour.messages.models import Message
from parlour.messages.writing import Draft, Ends, Group, Tail, Written, moved_mark, own

MESSAGE, CONVERSATION = Message.__table__.c, Conversation.__table__.c
PLACE = ("conversation_id", "author_id")
NEW = (*PLACE, "seq", "posted_revision", "revision", "key", "digest", "text", "posted_at", "continues", "opens_day")
TRIED = (*PLACE, "key", "digest")
Columns = ReadOnlyColumnCollection[str, KeyedColumnElement[object]]
OWN = ("before_seq", "run_seq", "later", "own")


def _write() -> Often:
    """New messages, the ends of their conversations and their authors' marks, wherever an end is the expected one.

    A conversation that somebody holds is left out: nobody waits for the lock of another one than their own.

    Whatever is written to a conversation moves its revision, with its row locked. So where the revision is still the
    expected one once the row is ours, nobody has posted meanwhile what this statement cannot see yet.
    """
    ends = _rows("ends", *_like(CONVERSATION, "id", *Tail.__struct_fields__), *_numbers("expected"))
    new, tried = _rows("new", *_like(MESSAGE, *NEW)), _rows("tried", *_like(MESSAGE, *TRIED))
    marks = _rows("marks", *_like(MESSAGE, *PLACE), *_numbers(*OWN))
    known = exists().where(
        tried.c.conversation_id == ends.c.id,
        Message.key == tried.c.key,
        Message.author_id == tried.c.author_id,
        Message.conversation_id == tried.c.conversation_id,
        Message.digest == tried.c.digest,
    )
    ours = (
        select(Conversation.id)
        .join(ends, (ends.c.id == Conversation.id) & (ends.c.expected == Conversation.revision))
        .where(~known)
        .order_by(Conversation.id)  # the order of locks is the same everywhere
        .with_for_update(of=Conversation, skip_locked=True)
        .cte("ours")
    )
    moved = (
        update(Conversation)
        .where(Conversation.id == ours.c.id, ends.c.id == ours.c.id)
        .values({name: ends.c[name] for name in Tail.__struct_fields__})
        .returning(Conversation.id)
        .cte("moved")
    )
    marked = (
        update(Membership)
        .where(
            marks.c.conversation_id == moved.c.id,
            Membership.conversation_id == marks.c.conversation_id,
            Membership.user_id == marks.c.author_id,
        )
        .values(moved_mark(*[marks.c[each] for each in OWN]))
        .cte("marked")
    )
    rows = select(*new.c).join(moved, moved.c.id == new.c.conversation_id).order_by(new.c.conversation_id, new.c.seq)
    said = insert(Message).from_select(list(NEW), rows).returning(Message.id, Message.conversation_id, Message.seq)
    given = said.cte("given")
    return Often(select(*given.c).add_cte(marked))


def _like(table: Columns, *names: str) -> list[ColumnClause[object]]:
    return [column(name, table[name].type) for name in names]


def _numbers(*names: str) -> list[ColumnClause[object]]:
    return [column(name, BigInteger) for name in names]


def _rows(name: str, *columns: ColumnClause[object]) -> TableValuedAlias:
    """Rows that come as one array for each column, `NAME_COLUMN`."""
    types: list[ARRAY[object]] = [ARRAY(each.type) for each in columns]
    arrays = [bindparam(f"{name}_{each.name}", type_=kind) for each, kind in zip(columns, types, strict=True)]
    return func.unnest(*arrays).table_valued(*columns).render_derived(name=name)


WRITE = _write()


async def write_at_once(db: Transaction, drafts: Sequence[Draft], ends: Ends) -> Written:
    """Writes those drafts that can be written so, and were not posted before; None stands for each of the others."""
    tails = ends.guess([draft for draft in drafts if not draft.recording])  # which needs a row of its own before
    chosen = [index for index, draft in enumerate(drafts) if draft.conversation_id in tails and not draft.recording]
    if not chosen:
        return [None] * len(drafts), []
    expected = [tail.revision for tail in tails.values()]
    group = Group([drafts[index] for index in chosen], tails, {})
    rows = await db.at_once(WRITE, _values(group, expected))
    ids = {(row.conversation_id, row.seq): row.id for row in rows}
    for index, row in group.fresh.items():
        if message_id := ids.get((row.conversation_id, row.seq)):
            group.is_written(index, message_id)
    for conversation_id in sorted({conversation_id for conversation_id, _ in ids}):
        db.announce(ConversationChanged(conversation_id, tails[conversation_id].revision))
    became = dict(zip(chosen, group.results, strict=True))
    return [became.get(index) for index in range(len(drafts))], group.lines


def _values(group: Group, expected: list[int]) -> dict[str, list[object]]:
    """What is to be written, by the statement's parameters."""
    new = list(group.fresh.values())
    said = [(place, author, own(seqs)) for (place, author), seqs in group.said.items()]
    values: dict[str, list[object]] = {f"new_{name}": [getattr(row, name) for row in new] for name in NEW}
    for name in Tail.__struct_fields__:
        values[f"ends_{name}"] = [getattr(tail, name) for tail in group.tails.values()]
    tried = [(draft, digest) for index in group.fresh for draft in [group.drafts[index]] for digest in draft.digests]
    for name in ("conversation_id", "author_id", "key"):
        values[f"tried_{name}"] = [getattr(draft, name) for draft, _ in tried]
    return values | {
        "ends_id": list(group.tails),
        "ends_expected": [*expected],
        "tried_digest": [digest for _, digest in tried],
        "marks_conversation_id": [place for place, _, _ in said],
        "marks_author_id": [author for _, author, _ in said],
        **{f"marks_{name}": [marks[name] for _, _, marks in said] for name in OWN},
    }
