"""What is limited by name or address over a longer time; kept in the database, so that a restart forgets nothing."""

import hashlib
import hmac
import ipaddress
import math
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, insert, select

from parlour.accounts.models import Attempt
from parlour.db import Transaction
from parlour.errors import TooMany
from parlour.rates import Rate

IPV6_NETWORK_BITS = 64  # what one customer gets; a single address of it proves nothing


class TooManyAttempts(TooMany):
    """Too many attempts by name or from an address."""

    sentence = "There were too many attempts. Please wait a while and try again."


def subject(secret: str, *words: str) -> str:
    """What is counted, as a digest: the table tells nobody's address."""
    return hmac.new(secret.encode(), "\0".join(words).encode(), hashlib.sha256).hexdigest()


def network(address: str) -> str:
    """The address itself, or the network that an IPv6 address belongs to."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    if parsed.ipv4_mapped:  # how a socket that takes both kinds names the older one
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, IPV6_NETWORK_BITS), strict=False))


async def check_attempts(db: Transaction, counted: str, rate: Rate) -> None:
    """Raises TooManyAttempts when the limit of this subject is reached.

    Until the transaction ends nobody else checks this subject, so that many attempts at once are counted one by one.
    """
    await db.take_turn(counted)
    now = datetime.now(UTC)
    since = now - timedelta(seconds=rate.seconds)
    times = (
        await db.execute(
            select(Attempt.at)
            .where(Attempt.subject == counted, Attempt.at > since)
            .order_by(Attempt.at.desc())
            .limit(rate.count)
        )
    ).all()
    if len(times) >= rate.count:
        oldest = times[-1].at if times else now
        raise TooManyAttempts(math.ceil((oldest - since).total_seconds()))


async def note_attempt(db: Transaction, counted: str) -> None:
    """One more attempt of this subject."""
    await db.execute(insert(Attempt).values(subject=counted, at=datetime.now(UTC)))


async def forget_attempts(db: Transaction, longest_s: int) -> None:
    """Removes what no window reaches any more."""
    await db.execute(delete(Attempt).where(Attempt.at < datetime.now(UTC) - timedelta(seconds=longest_s)))


async def forget_last_attempt(db: Transaction, counted: str) -> None:
    """Takes the newest attempt of this subject back."""
    newest = select(Attempt.id).where(Attempt.subject == counted).order_by(Attempt.id.desc()).limit(1)
    await db.execute(delete(Attempt).where(Attempt.id.in_(newest)))
