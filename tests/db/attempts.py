"""A table to try a database with, and a database to be closed in the end."""

from sqlalchemy import insert, select, text

from parlour import schema
from parlour.accounts.models import Attempt
from parlour.db import Database, Often, connect
from parlour.events import Event

NOTED = text("INSERT INTO attempt (subject, at) VALUES ('x', '2026-11-24 12:00:00')")
ADDED = Often(insert(Attempt).returning(Attempt.id, Attempt.subject, Attempt.at, sort_by_parameter_order=True))
ALL_ATTEMPTS = select(Attempt.id, Attempt.subject, Attempt.at).order_by(Attempt.id)
COUNT = text("SELECT count(*) FROM attempt")


async def count(database: Database) -> int:
    async with database.reading() as db:
        return int(str((await db.execute(COUNT)).one()[0]))


async def note(database: Database, announced: Event | None = None) -> None:
    async with database.transaction() as db:
        await db.execute(NOTED)
        if announced:
            db.announce(announced)


class Opening:
    """A database for `aclosing`."""

    def __init__(self, url: str) -> None:
        self._database = connect(url, lambda _events: None)

    async def open(self) -> Database:
        await schema.migrate(self._database)
        return self._database

    async def aclose(self) -> None:
        await self._database.close()
