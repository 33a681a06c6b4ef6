"""Looks at the settings, the database and the folder, and says in one line each what is well and what is not."""

import asyncio
import ipaddress
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import msgspec
from sqlalchemy import make_url

from parlour import db, schema
from parlour.config import PUSH_KEY_FILE, SECRET_FILE, Config
from parlour.errors import Unavailable
from parlour.schema import State
from parlour.serving import LOOPBACK

OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at. A `note` is worth knowing, and no fault."""

    verdict: Literal["ok", "note", "fault"]
    sentence: str


def examine(read: Callable[[], Config]) -> Iterator[Finding]:
    """Everything that can be told without a running server; nothing is changed."""
    try:
        config = read()
        database = db.sqlite_file(config.database)
    except ValueError as error:  # BadSetting is one too
        yield Finding("fault", str(error))
        return
    yield Finding("ok", "The settings can be read.")
    yield from _folder(config)
    yield from _keys(config)
    yield _database(config, database)
    yield from _reach(config)


def _folder(config: Config) -> Iterator[Finding]:
    if not config.data.exists():
        yield Finding("ok", f"The data folder {config.data} is not there yet; the first start makes it.")
    elif not config.data.is_dir():
        yield Finding("fault", f"{config.data} is no folder.")
    elif not os.access(config.data, os.W_OK | os.X_OK):
        yield Finding("fault", f"We may not write into the data folder {config.data}.")
    else:
        yield _owner_only(config.data, "The data folder")


def _keys(config: Config) -> Iterator[Finding]:
    kinds = (("secret keys", SECRET_FILE, config.secret_keys), ("push keys", PUSH_KEY_FILE, config.push_key))
    for kind, name, given in kinds:
        path = config.data / name
        if given:
            yield Finding("ok", f"{kind.capitalize()} come from the settings.")
        elif not path.exists():
            yield Finding("ok", f"The file of {kind} is not there yet; the first start makes it.")
        else:
            yield _owner_only(path, f"The file of {kind}")


def _owner_only(path: Path, name: str) -> Finding:
    if path.stat().st_mode & OTHERS:
        return Finding("fault", f"{name} {path} is open to others; `chmod go= {path}` closes it.")
    return Finding("ok", f"{name} {path} is open to its owner alone.")


def _database(config: Config, file: Path | None) -> Finding:
    if file and not file.exists():
        return Finding("ok", f"The database {file} is not there yet; the first start makes it.")
    # A password may stand in the URL, and this may be pasted somewhere.
    place = str(file) if file else f"at {make_url(config.database).host or 'this machine'}"
    try:
        state = asyncio.run(_look(config))
    except Unavailable as error:
        return Finding("fault", f"The database {place} does not answer: {error.__cause__ or error}".splitlines()[0])
    match state:
        case State.NEWER:
            return Finding("fault", f"The database {place} belongs to a newer version of Parlour.")
        case State.EMPTY:
            return Finding("ok", f"The database {place} is empty; the first start fills it.")
        case State.OLDER:
            return Finding("fault", f"The database {place} is not up to date; `parlour migrate` brings it there.")
        case State.CURRENT:
            return Finding("ok", f"The database {place} answers and is up to date.")


async def _look(config: Config) -> State:
    database = db.connect(config.database, lambda _events: None)
    try:
        return await schema.look(database)
    finally:
        await database.close()


def _reach(config: Config) -> Iterator[Finding]:
    if not config.base_url and config.host not in LOOPBACK:
        yield Finding(
            "fault", f"{config.host} can be reached from elsewhere, but PARLOUR_BASE_URL does not say by which address."
        )
    elif not config.base_url:
        yield Finding("ok", "Parlour can be reached from this machine alone.")
    else:
        yield Finding("ok", f"People reach Parlour at {config.base_url}.")
    if config.base_url.startswith("http:") and not any(name in config.base_url for name in LOOPBACK):
        yield Finding("note", "PARLOUR_BASE_URL is not https: passwords and messages can be read on their way.")
    if config.base_url.startswith("https:") and not config.trusted_proxies:
        yield Finding("note", "Without PARLOUR_TRUSTED_PROXIES everybody behind the proxy counts as one address.")
    for proxy in config.trusted_proxies:
        if not _is_address(proxy):
            yield Finding("fault", f"PARLOUR_TRUSTED_PROXIES: {proxy!r} is neither an address nor a network.")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return text == "*"
    return True
