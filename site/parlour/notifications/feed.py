"""The private feed of unread conversations: its secret address, and what stands in it."""

import hashlib
import hmac
import re
from datetime import datetime

import msgspec
from sqlalchemy import select, update

from parlour.accounts.models import User
from parlour.accounts.sessions import Viewer
from parlour.db import Reading, Transaction
from parlour.errors import NotThere
from parlour.inbox.listing import list_conversations
from parlour.notifications.wording import words

# What XML 1.0 cannot hold, however it is written.
NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class FeedEntry(msgspec.Struct, frozen=True):
    """A conversation with something unread in it, as its reader lets it be told of."""

    conversation_id: int
    title: str
    body: str
    at: datetime
    unread: int


class FeedKeys:
    """Makes and recognises the addresses; none is stored, so a stolen table opens no feed."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._keys = keys

    def token(self, user_id: int, number: int) -> str:
        """The secret part of the address."""
        return f"{user_id}-{_sign(self._keys[0], user_id, number)}"

    def fits(self, token: str, user_id: int, number: int) -> bool:
        """Whether this is the address in force, under a key of ours that may be an older one."""
        wanted = (f"{user_id}-{_sign(key, user_id, number)}" for key in self._keys)
        return any(hmac.compare_digest(token.encode(), each.encode()) for each in wanted)


async def find_number(db: Reading, viewer: Viewer) -> int:
    """Which of the viewer's addresses is in force."""
    return int((await db.execute(select(User.feed_number).where(User.id == viewer.id))).one().feed_number)


async def change_address(db: Transaction, viewer: Viewer) -> None:
    """From now on there is nothing at the old one."""
    await db.execute(update(User).where(User.id == viewer.id).values(feed_number=User.feed_number + 1))


async def read_feed(db: Reading, keys: FeedKeys, token: str) -> list[FeedEntry]:
    """The unread conversations of the user whose feed has this address, the latest first. Raises NotThere."""
    found = re.fullmatch("([1-9][0-9]{0,17})-[0-9a-f]{64}", token)
    if not found:
        raise NotThere
    user_id = int(found[1])
    asked = select(User.feed_number, User.notifications_show).where(User.id == user_id)
    user = (await db.execute(asked)).one_or_none()
    if not user or not keys.fits(token, user_id, user.feed_number):
        raise NotThere
    entries = []
    for entry in await list_conversations(db, user_id):
        if entry.unread and entry.at:
            title, body = words(user.notifications_show, entry.name, entry.preview)
            title, body = NO_XML.sub("\ufffd", title), NO_XML.sub("\ufffd", body)
            entries.append(FeedEntry(entry.conversation_id, title, body, entry.at, entry.unread))
    return entries


def _sign(key: str, user_id: int, number: int) -> str:
    return hmac.new(key.encode(), f"feed {user_id} {number}".encode(), hashlib.sha256).hexdigest()
