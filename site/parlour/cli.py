"""The command line: `parlour serve`, `parlour migrate`."""

import argparse
import asyncio
import logging
import os
import sys
from pathlib import Path

from parlour import __version__, db, schema
from parlour.app import create_app
from parlour.config import BadSetting, Config, read_config, with_secret_keys
from parlour.serving import make_server


def main() -> None:
    """Reads the arguments and the environment, and does what they ask. Ends with one sentence where it cannot."""
    logging.basicConfig(format="parlour: %(levelname)s: %(message)s", level=logging.WARNING)
    arguments = _parser().parse_args()
    try:
        config = read_config(
            os.environ, **{name: getattr(arguments, name, None) for name in ("host", "port", "data", "reload")}
        )
        arguments.run(with_secret_keys(config))
    except (BadSetting, schema.SchemaIsNewer, ValueError) as error:
        sys.exit(f"parlour: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("parlour", description="A chat site that any browser can use.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="run the site (this is what `python3 site` does)")
    serve.add_argument("--host", help="the address to listen on (default 127.0.0.1)")
    serve.add_argument("--port", type=int, help="the port to listen on (default 8000)")
    serve.add_argument("--reload", action="store_true", default=None, help="read templates again for every page")
    serve.set_defaults(run=_serve)
    migrate = commands.add_parser("migrate", help="bring the database up to date, and stop")
    migrate.set_defaults(run=_migrate)
    for command in (serve, migrate):
        command.add_argument("--data", type=Path, help="the folder for everything that is kept (default ./data)")
    return parser


def _serve(config: Config) -> None:
    server = make_server(create_app(config), host=config.host, port=config.port, trusted_proxies=config.trusted_proxies)
    print(f"parlour: open {config.base_url or f'http://localhost:{config.port}'}", flush=True)
    server.run()


def _migrate(config: Config) -> None:
    async def migrate() -> None:
        database = db.connect(config.database, lambda _events: None)
        try:
            await schema.migrate(database)
        finally:
            await database.close()

    asyncio.run(migrate())
    print("parlour: the database is up to date")
