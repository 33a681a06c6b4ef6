"""The command line: `parlour serve`, `parlour migrate`, `parlour user add`, `parlour doctor`."""

import argparse
import asyncio
import errno
import gc
import getpass
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from msgspec.structs import replace

from parlour import __version__, db, doctor, schema
from parlour.accounts import users
from parlour.accounts.passwords import PasswordPool
from parlour.app import create_app
from parlour.config import BadSetting, Config, read_config, with_keys
from parlour.db import Database
from parlour.errors import Refusal, Unavailable
from parlour.latch import AlreadyServed, held_alone
from parlour.serving import address_of, listen, make_server

CHOSEN = ("host", "port", "data", "reload")
OWNER_ONLY = 0o077  # what a file of ours never allows
ALLOCATED_AT_MOST = 20_000  # objects, before the youngest are looked through for garbage


class CannotStart(Exception):
    """The command cannot do what it was asked to; its text is a sentence that says why."""


def main() -> None:
    """Reads the arguments and the environment, and does what they ask. Ends with one sentence where it cannot."""
    os.umask(OWNER_ONLY)
    logging.basicConfig(format="parlour: %(levelname)s: %(message)s", level=logging.WARNING)
    for told in (signal.SIGTERM, signal.SIGINT):  # the server itself hears them first, and ends in peace
        signal.signal(told, lambda _signal, _frame: sys.exit(0))
    arguments = _parser().parse_args()
    try:
        arguments.run(arguments)
    except (BadSetting, CannotStart, AlreadyServed, schema.SchemaIsNewer, schema.SchemaIsForeign, ValueError) as error:
        sys.exit(f"parlour: {error}")
    except Refusal as error:
        sys.exit(f"parlour: {_why(error)}")
    except OSError as error:
        sys.exit(f"parlour: {error.filename or 'The system'}: {error.strerror or error}.")


def _why(error: Refusal) -> str:
    if isinstance(error, db.DamagedDatabase):
        return "The database's file is damaged, or is no database of SQLite. Put a backup in its place."
    return "The database does not answer." if isinstance(error, Unavailable) else str(error)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("parlour", description="A chat site that any browser can use.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="run the site (this is what `python3 site` does)")
    serve.add_argument("--reload", action="store_true", default=None, help="read templates again for every page")
    migrate = commands.add_parser("migrate", help="bring the database up to date, and stop")
    user = commands.add_parser("user", help="people who may come in")
    add = user.add_subparsers(required=True, metavar="COMMAND").add_parser("add", help="let somebody in")
    add.add_argument("name", metavar="NAME", help="their user name; the password is asked for, or read from a pipe")
    check = commands.add_parser("doctor", help="say what is amiss with the settings, the database and the folder")
    for command, run in ((serve, _serve), (migrate, _migrate), (add, _add_user), (check, _examine)):
        command.set_defaults(run=run)
        command.add_argument("--data", type=Path, help="the folder for everything that is kept (default ./data)")
    for command in (serve, check):
        command.add_argument("--host", help="the address to listen on (default 127.0.0.1)")
        command.add_argument("--port", type=_port, help="the port to listen on (default 8000)")
    return parser


def _serve(arguments: argparse.Namespace) -> None:
    config = with_keys(_config(arguments))
    with held_alone(_sqlite_file(config)):
        try:
            listeners = listen(config.host, config.port)
        except OSError as error:
            raise CannotStart(_why_not(error, config)) from error
        config = replace(config, port=listeners[0].getsockname()[1])
        _with_database(config, schema.migrate)
        server = make_server(
            create_app(config),
            host=config.host,
            port=config.port,
            trusted_proxies=config.trusted_proxies,
            listeners=listeners,
        )
        print(f"parlour: open {config.base_url or address_of(config.host, config.port)}", flush=True)
        _spare_the_collector()
        server.run()


def _spare_the_collector() -> None:
    """What is there by now stays, and walking through it for garbage would hold everybody up for 50 ms each time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATED_AT_MOST, *gc.get_threshold()[1:])


def _migrate(arguments: argparse.Namespace) -> None:
    _with_database(_config(arguments), schema.migrate)
    print("parlour: the database is up to date")


def _add_user(arguments: argparse.Namespace) -> None:
    password = _ask_for_password()

    async def add(database: Database) -> None:
        passwords = PasswordPool()
        await schema.migrate(database)
        try:
            await users.sign_up(database, passwords, arguments.name, password)
        finally:
            passwords.close()

    _with_database(_config(arguments), add)
    print(f"parlour: {arguments.name} can sign in now")


def _examine(arguments: argparse.Namespace) -> None:
    findings = list(doctor.examine(lambda: _config(arguments)))
    for finding in findings:
        print(f"{finding.verdict:<5} {finding.sentence}")
    if any(finding.verdict == "fault" for finding in findings):
        sys.exit(1)


def _config(arguments: argparse.Namespace) -> Config:
    return read_config(os.environ, **{name: getattr(arguments, name, None) for name in CHOSEN})


def _with_database(config: Config, work: Callable[[Database], Awaitable[None]]) -> None:
    """Does one piece of work with the database, whose folder is made where there is none."""
    _sqlite_file(config)

    async def do() -> None:
        database = db.connect(config.database, lambda _events: None)
        try:
            await work(database)
        finally:
            await database.close()

    asyncio.run(do())


def _sqlite_file(config: Config) -> Path | None:
    file = db.sqlite_file(config.database)
    if file:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return file


def _ask_for_password() -> str:
    try:
        if not sys.stdin.isatty():
            return sys.stdin.buffer.readline().rstrip(b"\r\n").decode()
        password = getpass.getpass("Password: ")
        again = getpass.getpass("Once more: ")
    except UnicodeError as error:
        raise CannotStart("The password is no text in UTF-8, so that nobody could type it in a browser.") from error
    if again != password:
        raise CannotStart("The two passwords differ.")
    return password


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; one is a number up to 65535")
    return int(text)


def _why_not(error: OSError, config: Config) -> str:
    place = f"port {config.port} of {config.host}"
    if isinstance(error, PermissionError):
        return f"Listening on {place} is not allowed to us; choose a port above 1023 with --port."
    if error.errno == errno.EADDRINUSE:
        return f"Somebody else listens on {place} already; choose another with --port."
    return f"Cannot listen on {place}: {error.strerror}."
