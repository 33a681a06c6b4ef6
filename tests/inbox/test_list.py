"""The list of conversations on the page."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, update

from parlour import db, schema
from parlour.accounts.models import User
from parlour.conversations.models import Conversation, Membership
from parlour.inbox import routes
from parlour.inbox.listing import ENTRIES_AT_MOST, list_conversations
from people import Person

HINT = 'href="/people">Find them by name</a>'


async def test_where_the_list_is_full_one_is_told_where_older_conversations_are(
    ada: Person, talk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "ENTRIES_AT_MOST", 2)
    for path in ("/", f"/conversations/{talk}"):
        assert HINT not in (await ada.get(path)).text
    await ada.meet(ada.name)
    for path in ("/", f"/conversations/{talk}"):
        assert HINT in (await ada.get(path)).text


async def test_however_many_are_unread_all_of_them_are_listed(database_url: str) -> None:
    """So what the lines of the list say adds up to what is unread in all."""
    database = db.connect(database_url, lambda _: None)
    await schema.migrate(database)
    many, now = ENTRIES_AT_MOST + 30, datetime.now(UTC)
    others = range(2, many + 2)
    people = [
        {"id": number, "name": f"n{number}", "skeleton": f"n{number}", "password_hash": "", "created_at": now}
        for number in (1, *others)
    ]
    talks = [
        {"id": n, "pair": f"1:{n}", "last_seq": 1, "last_posted_at": now + timedelta(seconds=n), "created_at": now}
        for n in others
    ]
    members = [
        {"conversation_id": n, "user_id": who, "read_seq": 0, "joined_at": now} for n in others for who in (1, n)
    ]
    async with database.transaction() as writing:
        for table, rows in ((User, people), (Conversation, talks), (Membership, members)):
            await writing.execute(insert(table), rows)
    async with database.reading() as reading:
        entries = await list_conversations(reading, 1)
    assert [entry.conversation_id for entry in entries] == list(reversed(others))
    async with database.transaction() as writing:
        await writing.execute(update(Membership).where(Membership.conversation_id > others[0]).values(read_seq=1))
    async with database.reading() as reading:
        entries = await list_conversations(reading, 1)
    await database.close()
    assert [entry.conversation_id for entry in entries] == [*list(reversed(others))[:ENTRIES_AT_MOST], others[0]]
    assert [entry.unread for entry in entries] == [0] * ENTRIES_AT_MOST + [1]
