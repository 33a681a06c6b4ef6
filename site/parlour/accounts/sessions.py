"""Sessions: beginning one, finding who is signed in, listing and ending them."""

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import Row, bindparam, delete, insert, select, update

from parlour.accounts.models import Session, User
from parlour.db import Among, Database, Often, Reading, Transaction
from parlour.errors import NotThere
from parlour.events import SessionsEnded
from parlour.together import Together

TOKEN_BYTES = 32
LONGEST_CARRIED_PATH = 200  # characters; no page with a form has a longer one
# Writing down that a session is used costs a transaction, so it is done this often at most.
NOTE_USE_EVERY_S = 60

BROWSERS = (("Firefox", "Firefox"), ("Edg", "Edge"), ("OPR", "Opera"), ("Chrom", "Chrome"), ("Safari", "Safari"))
TEXT_BROWSERS = (("Lynx", "Lynx"), ("w3m", "w3m"), ("ELinks", "ELinks"), ("Links", "Links"), ("curl", "curl"))
SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS", "Mac"))
OTHER_SYSTEMS = (("CrOS", "ChromeOS"), ("Linux", "Linux"))


SESSION_COLUMNS = (
    Session.token_digest,
    Session.id.label("session_id"),
    Session.created_at,
    Session.last_used_at,
    Session.carried_path,
    Session.carried_text,
)
WHO_IS_SIGNED_IN = Among(
    select(*SESSION_COLUMNS, Session.user_id, User.name, User.notifications_show).join(
        User, User.id == Session.user_id
    ),
    Session.token_digest,
)
NOTE_USE = Often(update(Session).where(Session.id == bindparam("used_id")).values(last_used_at=bindparam("used_at")))
NOTE_SEEN = Often(
    update(User).where(User.id == bindparam("seen_id"), User.shows_online).values(last_seen_at=bindparam("seen_at"))
)


class Lifetime(msgspec.Struct, frozen=True):
    """When a session is over: not used for `idle_s` seconds, or begun `limit_s` seconds ago."""

    idle_s: int
    limit_s: int


class Viewer(msgspec.Struct, frozen=True):
    """Who is asking: a user, through one of their sessions."""

    id: int
    name: str
    session_id: int
    ends_at: datetime
    # What was typed while signed out, and the page where it belongs.
    carried_path: str | None
    carried_text: str | None
    notifications_show: str
    since: datetime

    def carried_to(self, path: str) -> str:
        """What was typed for this page while signed out; empty where there is nothing."""
        return (self.carried_text or "") if (self.carried_path or "").partition("?")[0] == path else ""

    @property
    def carried_after(self) -> int | None:
        """The revision that was shown by the page on which that was typed, where it told one."""
        told = re.search(r"\?after=([0-9]{1,18})$", self.carried_path or "")
        return int(told[1]) if told else None


class SessionRow(msgspec.Struct, frozen=True):
    """A line in the list of one's sessions."""

    id: int
    label: str
    created_at: datetime
    last_used_at: datetime
    current: bool


class Carried(msgspec.Struct, frozen=True):
    """A text that was typed while signed out, and the page where it belongs."""

    path: str
    text: str


async def begin_session(db: Transaction, user_id: int, user_agent: str, carried: Carried | None) -> str:
    """A new session of that user; its token, which is shown to the browser alone and kept nowhere."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    now = datetime.now(UTC)
    if carried and not (carried.text and len(carried.path) <= LONGEST_CARRIED_PATH):
        carried = None
    await db.execute(
        insert(Session).values(
            user_id=user_id,
            token_digest=digest_of(token),
            label=describe_browser(user_agent),
            created_at=now,
            last_used_at=now,
            carried_path=carried.path if carried else None,
            # No database has to take NUL in a text, and nobody can type it.
            carried_text=carried.text.replace("\0", "") if carried else None,
        )
    )
    await _note_seen(db, user_id, now)
    return token


SessionFound = Row[tuple[object, ...]]  # with its user's columns
SignedIn = Together[bytes, SessionFound]
# By the digest and a conversation: the session, and its user's place there.
AtHome = Together[tuple[bytes, int], tuple[SessionFound, object]]


def who_is_signed_in(database: Database) -> SignedIn:
    """Finds sessions by the digest of their token."""

    async def look(digests: Sequence[bytes]) -> Mapping[bytes, SessionFound]:
        async with database.reading() as db:
            return {row.token_digest: row for row in await db.execute(*WHO_IS_SIGNED_IN.of(digests))}

    return Together(look)


async def find_viewer(database: Database, found: SessionFound, lifetime: Lifetime) -> Viewer | None:
    """Whose session this is, if it is alive; that it was used is noted now and then."""
    now = datetime.now(UTC)
    ends_at = end_of(found.created_at, found.last_used_at, lifetime)
    if ends_at <= now:
        return None
    if (now - found.last_used_at).total_seconds() > min(NOTE_USE_EVERY_S, lifetime.idle_s / 4):
        async with database.transaction() as db_writing:
            await db_writing.execute(NOTE_USE, {"used_id": found.session_id, "used_at": now})
            await _note_seen(db_writing, found.user_id, now)
        ends_at = end_of(found.created_at, now, lifetime)
    return Viewer(
        id=found.user_id,
        name=found.name,
        session_id=found.session_id,
        ends_at=ends_at,
        carried_path=found.carried_path,
        carried_text=found.carried_text,
        notifications_show=found.notifications_show,
        since=found.created_at,
    )


async def find_ends(db: Reading, session_ids: list[int], lifetime: Lifetime) -> dict[int, datetime]:
    """When each of these sessions will be over; those that are gone are not in it."""
    rows = await db.execute(
        select(Session.id, Session.created_at, Session.last_used_at).where(Session.id.in_(session_ids))
    )
    return {row.id: end_of(row.created_at, row.last_used_at, lifetime) for row in rows}


async def list_sessions(db: Reading, viewer: Viewer, lifetime: Lifetime) -> list[SessionRow]:
    """The viewer's living sessions, the one used last first."""
    rows = await db.execute(
        select(Session.id, Session.label, Session.created_at, Session.last_used_at)
        .where(Session.user_id == viewer.id)
        .order_by(Session.last_used_at.desc(), Session.id.desc())
    )
    now = datetime.now(UTC)
    return [
        SessionRow(row.id, row.label, row.created_at, row.last_used_at, row.id == viewer.session_id)
        for row in rows
        if end_of(row.created_at, row.last_used_at, lifetime) > now
    ]


async def end_session(db: Transaction, viewer: Viewer, session_id: int) -> None:
    """Ends one of the viewer's own sessions. Raises NotThere for any other."""
    ended = await db.execute(
        delete(Session).where(Session.id == session_id, Session.user_id == viewer.id).returning(Session.id)
    )
    if not ended.all():
        raise NotThere
    db.announce(SessionsEnded((session_id,)))


async def end_every_session(db: Transaction, viewer: Viewer) -> None:
    """Signs the viewer out everywhere, here too."""
    ended = await db.execute(delete(Session).where(Session.user_id == viewer.id).returning(Session.id))
    db.announce(SessionsEnded(tuple(row.id for row in ended)))


async def forget_dead_sessions(db: Transaction, lifetime: Lifetime) -> None:
    """Removes the rows of sessions that are over."""
    now = datetime.now(UTC)
    await db.execute(
        delete(Session).where(
            (Session.last_used_at < now - timedelta(seconds=lifetime.idle_s))
            | (Session.created_at < now - timedelta(seconds=lifetime.limit_s))
        )
    )


async def forget_carried(db: Transaction, viewer: Viewer) -> None:
    """What was carried through signing in has been sent, and need not be offered again."""
    if viewer.carried_path:
        gone = {"carried_path": None, "carried_text": None}
        await db.execute(update(Session).where(Session.id == viewer.session_id).values(gone))


def end_of(created_at: datetime, last_used_at: datetime, lifetime: Lifetime) -> datetime:
    """The moment at which a session will be over if nobody uses it."""
    return min(last_used_at + timedelta(seconds=lifetime.idle_s), created_at + timedelta(seconds=lifetime.limit_s))


def describe_browser(user_agent: str) -> str:
    """`Firefox on Linux`: enough for a person to know their own browsers apart."""
    browser = next((name for sign, name in (*TEXT_BROWSERS, *BROWSERS) if sign in user_agent), "A browser")
    system = next((name for sign, name in (*SYSTEMS, *OTHER_SYSTEMS) if sign in user_agent), "")
    return f"{browser} on {system}" if system else browser


async def _note_seen(db: Transaction, user_id: int, now: datetime) -> None:
    await db.execute(NOTE_SEEN, {"seen_id": user_id, "seen_at": now})


def digest_of(token: str) -> bytes:
    """What stands for a session's token in the database."""
    return hashlib.sha256(token.encode()).digest()
