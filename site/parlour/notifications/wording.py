"""What a notification says: as much as its reader lets it show, and how it is told to the service worker."""

import hashlib
import hmac

import msgspec

from parlour.accounts.settings.choices import EVERYTHING, SENDER
from parlour.notifications.subscriptions import Address, News

TOPIC_CHARACTERS = 32
HOUSE = "Parlour"
SOMETHING = "New message"


class Notice(msgspec.Struct, frozen=True):
    """What the service worker is told; `tag` makes one notification of all that concerns a conversation."""

    kind: str  # "message", or "read": then what was shown is taken away
    tag: str
    url: str
    unread: int  # in all
    title: str = ""
    body: str = ""
    icon: str = ""
    badge: str = ""  # the icon again, as a shape of one colour
    at: int = 0  # milliseconds, as browsers count


def words(shows: str, author_name: str, line: str) -> tuple[str, str]:
    """Title and body, for somebody who lets notifications show that much of a message that is this line."""
    if shows == EVERYTHING:
        return author_name, line or SOMETHING
    return (author_name if shows == SENDER else HOUSE), SOMETHING


def new_message(address: Address, news: News, icon: str, badge: str) -> bytes:
    """Tells of the latest message."""
    title, body = words(address.shows, news.author_name, news.line)
    at = round(news.posted_at.timestamp() * 1000)
    notice = Notice("message", _tag(address), _url(address), address.unread, title, body, icon, badge, at)
    return msgspec.json.encode(notice)


def taken_back(address: Address) -> bytes:
    """Takes away what was told of the conversation."""
    return msgspec.json.encode(Notice("read", _tag(address), _url(address), address.unread))


def topic(secret: str, address: Address) -> str:
    """What a push service may know of a conversation: that two pushes to one person belong together."""
    said = f"push topic {address.user_id} {address.conversation_id}"
    return hmac.new(secret.encode(), said.encode(), hashlib.sha256).hexdigest()[:TOPIC_CHARACTERS]


def _tag(address: Address) -> str:
    return f"conversation-{address.conversation_id}"


def _url(address: Address) -> str:
    return f"/conversations/{address.conversation_id}"
