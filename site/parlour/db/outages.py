"""What is said when a database does not answer, whoever noticed it."""

import contextlib
import logging
import sqlite3
from collections.abc import Iterator

import asyncpg
from sqlalchemy.exc import DBAPIError, OperationalError

from parlour.errors import Unavailable

log = logging.getLogger(__name__)

RETRY_AFTER_S = 2
# SQLSTATE: what PostgreSQL says of itself or of the moment, and not of what we asked. Among them: it only reads
# (25006), takes nobody (55000), knows neither us (28) nor the database (3D), or lets us not do that (42501).
OUTAGES = ("08", "25006", "25P03", "28", "3D", "40", "42501", "53", "55000", "55P03", "57", "58")
DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
BROKEN_FILE = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


class DamagedDatabase(Unavailable):
    """The file of an embedded database cannot be read as one."""


@contextlib.contextmanager
def refused_when_down() -> Iterator[None]:
    """Makes Unavailable of what the database is to blame for; what it was asked wrongly stays what it is."""
    try:
        yield
    except BaseException as error:
        refuse_if_down(error)
        raise


def refuse_if_down(error: BaseException) -> None:
    """Raises Unavailable where the database is to blame for this error."""
    match error:
        case sqlite3.Error():
            _refuse_if_damaged(error)
            said: object = error if isinstance(error, sqlite3.OperationalError) else None
        case DBAPIError():
            _refuse_if_damaged(error.orig)
            said = error.orig if _is_outage(error) else None
        case asyncpg.PostgresError() | asyncpg.InterfaceError() | asyncpg.InternalClientError():
            said = error if _is_outage_of(error) else None
        case OSError():
            log.warning("The database cannot be reached: %s", str(error) or "it took too long")
            raise Unavailable(RETRY_AFTER_S) from error
        case _:
            return
    if said is not None:
        log.warning("The database cannot do that now: %s", said)
        raise Unavailable(RETRY_AFTER_S) from error


def sqlite_code(error: BaseException | None) -> int | None:
    """What SQLite calls it, such as SQLITE_BUSY where another process writes to the file."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF if isinstance(error, sqlite3.Error) else None


def _refuse_if_damaged(error: BaseException | None) -> None:
    if sqlite_code(error) in BROKEN_FILE:
        log.error("The database's file is damaged, or is no database: %s", error)
        raise DamagedDatabase(RETRY_AFTER_S) from error


def _is_outage(error: DBAPIError) -> bool:
    """Whether the database is to blame, and not what it was asked."""
    if error.connection_invalidated or isinstance(error, OperationalError):
        return True
    said = error.orig.__cause__ if error.orig else None
    return isinstance(said, DRIVER_ERRORS) and _is_outage_of(said)


def _is_outage_of(error: BaseException) -> bool:
    """The same of what PostgreSQL's driver says."""
    if isinstance(error, asyncpg.InvalidCachedStatementError):
        return True  # somebody has changed the schema meanwhile; the driver knows it from here on
    if isinstance(error, asyncpg.PostgresError):
        return str(error.sqlstate).startswith(OUTAGES)
    return not isinstance(error, ValueError)
