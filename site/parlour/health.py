"""Says whether the server lives and takes posts, and hands out the assets."""

import asyncio

from litestar import get
from litestar.params import FromPath
from litestar.response import Response
from sqlalchemy import text

from parlour.assets import Assets
from parlour.compression import takes_gzip
from parlour.db import RETRY_AFTER_S, Database
from parlour.errors import NotThere, Unavailable
from parlour.forms import Asked, Given

IMMUTABLE = "public, max-age=31536000, immutable"
PLAIN = "text/plain"
# A table that somebody has locked is as good as gone.
TOUCH_WHAT_A_POST_WRITES = (
    text("UPDATE conversation SET revision = revision WHERE id = 0"),
    text("UPDATE message SET revision = revision WHERE id = 0"),
    text("UPDATE membership SET read_seq = read_seq WHERE user_id = 0"),
)
READY_WITHIN_S = 2.0  # whoever asks looks again every few seconds, and takes silence for death


@get("/healthz")
async def healthz() -> Response[str]:
    """The process answers."""
    return Response("ok", media_type=PLAIN)


@get("/readyz")
async def readyz(database: Given[Database]) -> Response[str]:
    """The database takes writes, so posts are taken. Raises Unavailable when it does not."""
    try:
        async with asyncio.timeout(READY_WITHIN_S), database.transaction() as db:
            for statement in TOUCH_WHAT_A_POST_WRITES:
                await db.execute(statement)
    except TimeoutError as error:
        raise Unavailable(RETRY_AFTER_S) from error
    return Response("ok", media_type=PLAIN)


@get("/assets/{address:str}")
async def asset(address: FromPath[str], assets: Given[Assets], request: Asked) -> Response[bytes]:
    """A file that never changes under its address."""
    found = assets.find(address)
    if not found:
        raise NotThere
    headers = {"cache-control": IMMUTABLE, "vary": "accept-encoding"}
    if takes_gzip(request.headers.get("accept-encoding", "")):
        return Response(found.compressed, media_type=found.media_type, headers=headers | {"content-encoding": "gzip"})
    return Response(found.content, media_type=found.media_type, headers=headers)
