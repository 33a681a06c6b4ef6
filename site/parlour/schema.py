"""Brings the database's schema up to date, safely when several processes start at once."""

import functools
from enum import Enum, auto

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from parlour import resources
from parlour.db import Base, Database

# Any number will do, as long as every Parlour asks for the same one.
MIGRATION_LOCK = 7_266_568


class SchemaIsNewer(Exception):
    """The database was made by a newer Parlour than this one."""


class SchemaIsForeign(Exception):
    """The database belongs to another program."""


class State(Enum):
    """How a database's schema stands to the one that this Parlour needs."""

    EMPTY = auto()
    OLDER = auto()
    CURRENT = auto()
    NEWER = auto()


async def migrate(database: Database) -> None:
    """Runs the migrations that are missing, all or none. Raises SchemaIsNewer, SchemaIsForeign and Unavailable."""
    await database.run_in_transaction(_upgrade)


async def look(database: Database) -> State:
    """How the database stands, without changing it. Raises Unavailable."""
    found: list[State] = []
    await database.run_in_transaction(lambda connection: found.append(_state(connection, _scripts())))
    return found[0]


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":  # on SQLite the transaction began with the one lock there is
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
    state = _state(connection, _scripts())
    if state is State.EMPTY and set(inspect(connection).get_table_names()) & set(Base.metadata.tables):
        raise SchemaIsForeign(
            "This database holds tables of another program under the names that Parlour needs. Please choose another."
        )
    if state is State.NEWER:
        raise SchemaIsNewer(
            "This database belongs to a newer version of Parlour. Please start that version, or a newer one."
        )
    if state is not State.CURRENT:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _state(connection: Connection, scripts: ScriptDirectory) -> State:
    here = set(MigrationContext.configure(connection).get_current_heads())
    if not here:
        return State.EMPTY
    if here == set(scripts.get_heads()):
        return State.CURRENT
    return State.OLDER if here <= {script.revision for script in scripts.walk_revisions()} else State.NEWER


def _config() -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(resources.folder("migrations")).replace("%", "%%"))
    return config


@functools.cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())
