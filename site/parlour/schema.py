"""Brings the database's schema up to date, safely when several processes start at once."""

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from parlour import resources
from parlour.db import Database

# Any number will do, as long as every Parlour asks for the same one.
MIGRATION_LOCK = 7_266_568


class SchemaIsNewer(Exception):
    """The database was made by a newer Parlour than this one."""


async def migrate(database: Database) -> None:
    """Runs the migrations that are missing, all of them or none. Raises SchemaIsNewer."""
    await database.run_in_transaction(_upgrade)


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":  # on SQLite the transaction began with the one lock there is
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
    config = AlembicConfig()
    config.set_main_option("script_location", str(resources.folder("migrations")).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    here = set(MigrationContext.configure(connection).get_current_heads())
    if not here <= known:
        raise SchemaIsNewer(
            "This database belongs to a newer version of Parlour. Please start that version, or a newer one."
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
