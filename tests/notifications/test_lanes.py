"""No push service, and no name of one, keeps what is told to browsers of other people."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from conftest import PUSH_KEY, OpenHouse
from parlour.notifications import lanes
from parlour.notifications.addresses import Reachable
from parlour.notifications.lanes import Lanes, Push
from parlour.notifications.sending import PushClient
from parlour.notifications.subscriptions import Address
from parlour.notifications.vapid import Vapid
from people import PATIENCE_S, Person
from push_service import Browser, PushService, encode, push_service

HASTE_S = 3.0  # less than a silent service is given
Tell = Callable[[int, str], Awaitable[None]]


@pytest.fixture
async def services() -> AsyncIterator[list[PushService]]:
    """As many push services as have lanes, and half as many again; all but the last are silent."""
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(push_service()) for _ in range(lanes.OPENED_AT_MOST * 3)]
        for service in opened[:-1]:
            service.silent.add("/x")
        yield opened


@pytest.fixture
async def tell(services: list[PushService], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Tell]:
    """Pushes something to one of somebody's browsers."""
    monkeypatch.setattr(lanes, "LANES_AT_MOST", lanes.OPENED_AT_MOST * 2)
    monkeypatch.setattr(lanes, "PAUSE_S", 0.01)

    async def is_there(_address: Address) -> bool:
        return True

    async def forget(_address: Address) -> None:
        raise AssertionError

    reachable = Reachable(tuple(service.host for service in services))
    opened = Lanes(PushClient(reachable), Vapid(PUSH_KEY, "mailto:us@example.org"), is_there, forget)
    browser, number = Browser(), iter(range(1_000))

    async def put(user_id: int, endpoint: str) -> None:
        address = Address(
            id=next(number),
            endpoint=endpoint,
            p256dh=browser.public,
            auth=os.urandom(16),
            conversation_id=1,
            user_id=user_id,
            read_seq=0,
            muted=False,
            shows="everything",
            unread=1,
            told_seq=0,
            news=None,
        )
        opened.put(Push(address, "topic", b"{}"))

    yield put
    await opened.stop(0.0)


async def test_one_person_does_not_take_every_lane(services: list[PushService], tell: Tell) -> None:
    for service in services[:-1]:
        await tell(1, service.endpoint("/x"))
    await tell(2, services[-1].endpoint("/x"))
    async with asyncio.timeout(HASTE_S):
        await services[-1].receive("/x")
    async with asyncio.timeout(PATIENCE_S):
        while (asked := sum("/x" in service.asked for service in services[:-1])) < lanes.OPENED_AT_MOST:
            await asyncio.sleep(0)
    assert asked == lanes.OPENED_AT_MOST


async def test_where_all_lanes_are_taken_the_one_that_is_not_answered_gives_way(
    services: list[PushService], tell: Tell
) -> None:
    for number, service in enumerate(services[: lanes.OPENED_AT_MOST * 2]):
        await tell(number, service.endpoint("/x"))
    for _ in range(2):
        await tell(100, services[-1].endpoint("/x"))
        async with asyncio.timeout(HASTE_S):
            await services[-1].receive("/x")


async def test_a_name_that_cannot_be_looked_up_is_given_up_without_a_word_too_many(
    services: list[PushService], tell: Tell, caplog: pytest.LogCaptureFixture
) -> None:
    for host in ("a..b0", "a" * 64, "nobody.invalid"):
        await tell(1, f"https://{host}/x")
    async with asyncio.timeout(PATIENCE_S):
        while sum("did not take a push" in record.getMessage() for record in caplog.records) < 3:
            await asyncio.sleep(0.05)
    assert all(record.levelno < logging.ERROR for record in caplog.records)
    for number in range(lanes.OPENED_AT_MOST - 1):
        await tell(1, services[number].endpoint("/x"))
    await tell(1, services[-1].endpoint("/x"))
    async with asyncio.timeout(HASTE_S):
        await services[-1].receive("/x")


@pytest.mark.usefixtures("quiet_log")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_browser_that_names_no_push_service_is_told_so(open_house: OpenHouse) -> None:
    browser = Browser()
    async with push_service() as service, Person(await open_house(push_hosts=(service.host,))) as bo:
        await bo.sign_up("Bo")
        keys = {"p256dh": encode(browser.public), "auth": encode(browser.auth)}
        for endpoint in ("https://a..b0/x", "https://localhost/x", "https://127.0.0.1.:443/", "https://10.0.0.1./x"):
            answer = await bo.post("/settings/notifications/on", {"endpoint": endpoint, **keys})
            assert (answer.status, "push service that cannot be used" in answer.alert) == (422, True), endpoint
        await browser.subscribe(bo, service.endpoint("/x").replace(":", ":00").replace(":00//", "://"))
        assert "They are on" in (await bo.get("/settings")).text
