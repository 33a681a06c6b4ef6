"""Which database a URL names."""

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from parlour.db.access import Database, Publish
from parlour.db.postgresql import PostgreSQL
from parlour.db.sqlite import SQLite


def connect(url: str, publish: Publish) -> Database:
    """The database at `sqlite:///FILE` or `postgresql://…`. Raises ValueError, with a sentence, for any other URL."""
    file = sqlite_file(url)
    if file:
        return SQLite(URL.create("sqlite+pysqlite", database=str(file)), publish)
    return PostgreSQL(postgres_address(url), publish)


def sqlite_file(url: str) -> Path | None:
    """The file of an embedded database; None for a server. Raises ValueError, with a sentence, for what is neither."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:  # whose own words would tell the password
        raise ValueError("The database's URL cannot be read; use sqlite:///FILE or postgresql://….") from error
    name = parsed.drivername.partition("+")[0]
    if name == "sqlite" and parsed.database and parsed.database != ":memory:":
        return Path(parsed.database)
    if name in ("postgresql", "postgres"):
        return None
    raise ValueError(f"{name!r} is no database that Parlour knows; use sqlite:///FILE or postgresql://….")


def postgres_address(url: str) -> str:
    """The URL as PostgreSQL's own programs write it, whatever driver was named in it."""
    return "postgresql://" + url.partition("://")[2]
