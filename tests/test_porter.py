"""Files that come at once are let in one after the other; what somebody wrote waits for none of them."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from litestar import Litestar, Request, post
from litestar.datastructures import State

from parlour import porter
from parlour.pace import RightOfWay
from parlour.porter import SMALL_FORM_BYTES, Porter
from parlour.security import Origins
from parlour.serving import make_server
from running import running

EVERY_S = 0.3
LARGE = b"x" * (SMALL_FORM_BYTES + 1)


@post("/")
async def tell_when(request: Request[None, None, State]) -> str:
    return str(asyncio.get_running_loop().time())


@pytest_asyncio.fixture
async def door(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    monkeypatch.setattr(porter, "FILES_EVERY_S", EVERY_S)
    monkeypatch.setattr(porter, "FILES_WITHIN_S", 2 * EVERY_S)
    at_the_door = Porter(Litestar([tell_when]), Origins("http://parlour.test", "", 0), RightOfWay(), lambda: None)
    server = make_server(at_the_door, host="127.0.0.1", port=0, trusted_proxies=(), on_shutdown=lambda: None)
    async with running(server) as url, httpx.AsyncClient(base_url=url, headers={"host": "parlour.test"}) as client:
        yield client


async def in_pieces() -> AsyncIterator[bytes]:
    """A body that says nothing of its length."""
    yield LARGE


async def test_files_are_let_in_one_after_the_other_and_texts_at_once(door: httpx.AsyncClient) -> None:
    async def come(body: bytes | AsyncIterator[bytes], media_type: str) -> float:
        answer = await door.post("/", content=body, headers={"content-type": media_type})
        assert answer.status_code == 201
        return float(answer.text)

    begun = asyncio.get_running_loop().time()
    files = asyncio.gather(
        *(come(LARGE, "multipart/form-data; boundary=x") for _ in range(3)),
        come(LARGE, "Multipart/Form-Data; boundary=x"),
        come(in_pieces(), "multipart/form-data; boundary=x"),
    )
    texts = asyncio.gather(*(come(LARGE, "application/x-www-form-urlencoded") for _ in range(5)))
    small = asyncio.gather(*(come(b"x", "multipart/form-data; boundary=x") for _ in range(5)))
    came = sorted(at - begun for at in await files)
    assert max(*await texts, *await small) < begun + came[1]
    assert came[1] >= EVERY_S
    assert came[2] >= 2 * EVERY_S
    assert came[-1] - came[2] < EVERY_S  # nobody waits for longer, however many come
