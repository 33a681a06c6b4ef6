"""With SQLite one process serves the house: it holds a lock beside the database for as long as it lives."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

if sys.platform != "win32":
    import fcntl


class AlreadyServed(Exception):
    """Another process serves this database."""


@contextlib.contextmanager
def held_alone(database: Path | None) -> Iterator[None]:
    """Keeps every other server away from an embedded database; None is a database that many may serve.

    Raises AlreadyServed. The system itself lets go of the lock when the process ends, however it ends.
    """
    if database is None or sys.platform == "win32":
        yield
        return
    database = database.resolve()  # one file, by whatever name it is called
    with database.with_name(f"{database.name}.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyServed(
                f"Another Parlour serves {database} already. With SQLite there can be only one, since two could not "
                "tell each other what is new; stop that one, choose another folder with --data, or use PostgreSQL."
            ) from error
        yield
