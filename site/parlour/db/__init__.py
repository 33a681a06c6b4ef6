"""The database: the schema's base, reading, and transactions that hand on what was announced once it is committed."""

from parlour.db.access import Database, Publish, Reading, Transaction, portions
from parlour.db.among import Among
from parlour.db.connecting import connect, postgres_address, sqlite_file
from parlour.db.often import Often
from parlour.db.outages import RETRY_AFTER_S, DamagedDatabase
from parlour.db.tables import Base, UTCDateTime

__all__ = [
    "RETRY_AFTER_S",
    "Among",
    "Base",
    "DamagedDatabase",
    "Database",
    "Often",
    "Publish",
    "Reading",
    "Transaction",
    "UTCDateTime",
    "connect",
    "portions",
    "postgres_address",
    "sqlite_file",
]
