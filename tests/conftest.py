"""The house for each test, on both databases, and the cast: Ada and Bo talk, Cy is outside."""

import gc
import itertools
import logging
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Protocol

import msgspec
import pytest
from playwright.async_api import Browser, async_playwright

from parlour import db, schema
from parlour.app import create_app
from parlour.config import Config
from parlour.rates import Rate
from parlour.serving import make_server
from people import Person
from processes import free_ports
from running import running
from services import Postgres

ALLOCATED_AT_MOST = 20_000  # objects, before the youngest are looked through for garbage
PLENTY = Rate(100_000, 60)
KEYS = ("a key that only the tests have, and long enough",)
PUSH_KEY = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
CHROMIUM_SWITCHES = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


# What takes longest begins first, so that in the end no worker is alone with much.
LONGEST_FIRST = ("tests/test_house.py", "tests/journeys/", "tests/voice/", "tests/live/", "tests/test_cli.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Deals the files out to the workers, each of whom begins with a share of the whole that lies together."""
    items.sort(
        key=lambda item: next(
            (rank for rank, path in enumerate(LONGEST_FIRST) if path in item.nodeid), len(LONGEST_FIRST)
        )
    )
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    files = [list(group) for _, group in itertools.groupby(items, key=lambda item: item.path)]
    items[:] = [item for worker in range(workers) for file in files[worker::workers] for item in file]


def pytest_collection_finish() -> None:
    """What was imported stays to the end: nobody need look it through for garbage again and again.

    The rest is looked through now and then, as in a server: as often as by default takes a twentieth of all the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATED_AT_MOST)


class OpenHouse(Protocol):
    """Starts a Parlour with these settings on top of the tests' own, and gives its address."""

    def __call__(self, **settings: object) -> Awaitable[str]: ...


Invite = Callable[[str], Awaitable[Person]]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


async def migrated(postgres: Postgres) -> str:
    """The name of a database with the schema, to be copied for each test; made when it is first asked for."""
    name = "migrated"
    if not postgres.templates:
        database = db.connect(await postgres.create(name), lambda _events: None)
        await schema.migrate(database)
        await database.close()
        postgres.templates.add(name)
    return name


@pytest.fixture(scope="session")
async def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An embedded database with the schema, to be copied for each test."""
    file = tmp_path_factory.mktemp("migrated") / "parlour.sqlite3"
    database = db.connect(f"sqlite:///{file}", lambda _events: None)
    await schema.migrate(database)
    await database.close()
    return file


@pytest.fixture
def sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    """An embedded database of this test's own."""
    return copied(migrated_file, tmp_path)


def copied(migrated_file: Path, folder: Path) -> str:
    return f"sqlite:///{shutil.copyfile(migrated_file, folder / migrated_file.name)}"


@pytest.fixture(params=["sqlite", "postgresql"])
async def database_url(request: pytest.FixtureRequest, migrated_file: Path, tmp_path: Path) -> AsyncIterator[str]:
    """A database of this test's own, of either kind."""
    if request.param == "sqlite":
        yield copied(migrated_file, tmp_path)
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    async with postgres.database(await migrated(postgres)) as url:
        yield url


@pytest.fixture
async def open_house(database_url: str, tmp_path: Path) -> AsyncIterator[OpenHouse]:
    """Starts a Parlour, and gives its address; settings by name, where a test wants others."""
    async with AsyncExitStack() as stack:

        async def open_one(**settings: object) -> str:
            config = Config(
                port=free_ports(1)[0],
                data=tmp_path,
                database_url=database_url,
                secret_keys=KEYS,
                push_key=PUSH_KEY,
                rate_posts=PLENTY,
                rate_sign_ins=PLENTY,
                rate_address=PLENTY,
                rate_sign_ups=PLENTY,
                rate_conversations=PLENTY,
            )
            config = msgspec.structs.replace(config, **settings)
            server = make_server(create_app(config), host=config.host, port=config.port, trusted_proxies=())
            return await stack.enter_async_context(running(server))

        yield open_one


@pytest.fixture
async def house(open_house: OpenHouse) -> str:
    """The address of a Parlour with nobody in it."""
    return await open_house()


@pytest.fixture
async def invite(house: str) -> AsyncIterator[Invite]:
    """Signs somebody up."""
    async with AsyncExitStack() as stack:

        async def one(name: str) -> Person:
            person = await stack.enter_async_context(Person(house))
            return await person.sign_up(name)

        yield one


@pytest.fixture
async def ada(invite: Invite) -> Person:
    return await invite("Ada")


@pytest.fixture
async def bo(invite: Invite) -> Person:
    return await invite("Bo")


@pytest.fixture
async def cy(invite: Invite) -> Person:
    return await invite("Cy")


@pytest.fixture
async def talk(ada: Person, bo: Person) -> int:
    """The conversation of Ada and Bo."""
    return await ada.meet("Bo")


@pytest.fixture
def quiet_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever people send, the log has nothing to say about it."""
    yield
    loud = [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.WARNING]
    assert not loud
    assert "Traceback" not in caplog.text


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with launched() as browser:
        yield browser


@asynccontextmanager
async def launched(*switches: str, whole: bool = False) -> AsyncIterator[Browser]:
    """A Chromium: without windows where there is such a one, or the `whole` one, which asks and notifies people."""
    given = os.environ["PARLOUR_TEST_BROWSER"]
    path = given if whole else os.environ.get("PARLOUR_TEST_SHELL", given)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=[*CHROMIUM_SWITCHES, *switches])
        yield browser
        await browser.close()
