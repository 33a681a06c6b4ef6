"""Starting a direct conversation: the same pair always gets the same one."""

from datetime import UTC, datetime

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from parlour.accounts.users import UnknownPerson, find_user
from parlour.conversations.models import Conversation, Membership
from parlour.db import Database, Reading
from parlour.events import ConversationStarted
from parlour.rates import Limiter


async def find_or_start(database: Database, limiter: Limiter, user_id: int, other_name: str) -> int:
    """The id of the conversation with that person; with one's own name, that of one's notes.

    Raises UnknownPerson, and TooMany where too many were begun lately.
    """
    async with database.reading() as db:
        other = await find_user(db, other_name)
        if not other:
            raise UnknownPerson
        pair = ":".join(map(str, sorted((user_id, other.id))))
        known = await _find(db, pair)
    if known is not None:
        return known
    limiter.count(user_id)
    try:
        return await _start(database, pair, {user_id, other.id})
    except IntegrityError:  # the other one started it at the same moment
        async with database.reading() as db:
            known = await _find(db, pair)
        if known is None:
            raise
        return known


async def _find(db: Reading, pair: str) -> int | None:
    row = (await db.execute(select(Conversation.id).where(Conversation.pair == pair))).one_or_none()
    return None if row is None else int(row.id)


async def _start(database: Database, pair: str, members: set[int]) -> int:
    now = datetime.now(UTC)
    async with database.transaction() as db:
        values = {"pair": pair, "revision": 0, "last_seq": 0, "created_at": now}
        started = int((await db.execute(insert(Conversation).values(values).returning(Conversation.id))).one().id)
        member = {"conversation_id": started, "read_seq": 0, "joined_at": now}
        await db.execute(insert(Membership), [member | {"user_id": user_id} for user_id in sorted(members)])
        db.announce(ConversationStarted(started))
    return started
