"""Builds the application: the only file that knows every feature, and hands each what it needs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar
from litestar.di import Provide

from parlour import db, health, resources, schema
from parlour.assets import Assets
from parlour.config import Config
from parlour.hub import make_hub


def create_app(config: Config) -> Litestar:
    """The application of this configuration, not started yet. Raises ValueError for an unknown kind of database."""
    hub = make_hub(config.database)
    database = db.connect(config.database, hub.publish)
    assets = Assets(resources.folder("assets"))

    @asynccontextmanager
    async def open_house(_app: Litestar) -> AsyncIterator[None]:
        await schema.migrate(database)
        await hub.start()
        try:
            yield
        finally:
            await hub.stop()
            await database.close()

    return Litestar(
        [health.healthz, health.readyz, health.asset],
        dependencies={"database": _given(database), "assets": _given(assets)},
        lifespan=[open_house],
        openapi_config=None,
        logging_config=None,
    )


def _given(thing: object) -> Provide:
    return Provide(lambda: thing, use_cache=True, sync_to_thread=False)
