"""A session begins anew with each sign-in, is kept as a digest, and ends by hand, unused, or after its time."""

import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from conftest import KEYS, OpenHouse
from parlour import db
from parlour.accounts.models import Session
from parlour.db import Database
from people import Person

DAY = timedelta(days=1)
NEW_KEY = "another key, which is younger, and as long"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML) Version/18.0 Safari/604.1"

pytestmark = pytest.mark.usefixtures("quiet_log")

Age = Callable[[timedelta, timedelta], Awaitable[None]]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The house's database, seen from outside."""
    database = db.connect(database_url, lambda _events: None)
    yield database
    await database.close()


@pytest.fixture
def age(database: Database) -> Age:
    """Makes every session as old as this, and unused for so long."""

    async def make_older(begun: timedelta, used: timedelta) -> None:
        now = datetime.now(UTC)
        async with database.transaction() as writing:
            await writing.execute(update(Session).values(created_at=now - begun, last_used_at=now - used))

    return make_older


async def is_signed_in(person: Person) -> bool:
    return (await person.get("/settings")).status == 200


async def with_cookie(url: str, value: str, name: str = "session") -> bool:
    """Whether a browser that sends this one cookie is signed in."""
    async with Person(url) as thief:
        thief.client.cookies.set(name, value)
        return await is_signed_in(thief)


async def test_signing_in_begins_a_session_that_nobody_could_know_before(house: str, ada: Person) -> None:
    async with Person(house) as mallory, Person(house) as bo:
        await mallory.sign_up("Mallory")
        planted = mallory.client.cookies["session"]
        bo.client.cookies.set("session", planted)
        await bo.post("/sign-up", {"username": "Bo", "password": "correct horse battery"})
        ours = {cookie.value or "" for cookie in bo.client.cookies.jar if cookie.name == "session"} - {planted}
        assert len(ours) == 1
        assert not await is_signed_in(mallory), "the session that the browser had before is over"
        assert await with_cookie(house, ours.pop())


async def test_each_sign_in_is_another_session_and_the_browsers_last_one_is_over(ada: Person) -> None:
    seen = {ada.client.cookies["session"]}
    for _ in range(3):
        before = ada.client.cookies["session"]
        assert (await ada.post("/sign-in", {"username": "Ada", "password": "correct horse battery"})).status == 303
        seen.add(ada.client.cookies["session"])
        assert await is_signed_in(ada)
        assert not await with_cookie(ada.url, before)
    assert len(seen) == 4


async def test_who_signs_in_as_somebody_else_leaves_nobody_behind(ada: Person, bo: Person) -> None:
    before = ada.client.cookies["session"]
    await ada.post("/sign-in", {"username": "Bo", "password": "correct horse battery"})
    assert '<p class="name">Bo</p>' in (await ada.get("/settings")).text
    assert not await with_cookie(ada.url, before)
    assert await is_signed_in(bo)


async def test_whoever_steals_the_table_gets_in_nowhere(ada: Person, database: Database) -> None:
    token = ada.client.cookies["session"].rpartition(".")[0]
    async with database.reading() as reading:
        row = (await reading.execute(select(Session.__table__))).one()
    stored = repr(tuple(row))
    assert len(token) >= 43
    assert token not in stored
    assert row.token_digest == hashlib.sha256(token.encode()).digest()
    for value in (row.token_digest.hex(), token, f"{token}.", f"{token}.x", f"{row.id}", ""):
        assert not await with_cookie(ada.url, value)


async def test_a_cookie_of_one_purpose_is_refused_for_another(ada: Person) -> None:
    form_token = (await ada.get("/settings")).forms[0].fields["token"]
    values = {cookie.name: cookie.value or "" for cookie in ada.client.cookies.jar} | {"token": form_token}
    assert set(values) == {"visitor", "session", "known", "token"}
    for name, value in values.items():
        assert await with_cookie(ada.url, value) == (name == "session")
    del ada.client.headers["origin"]
    for name, value in values.items():
        answer = await ada.post("/conversations", {"username": "Ada", "token": value})
        assert answer.status == (303 if name == "token" else 403)


async def test_a_session_that_nobody_used_for_its_idle_time_is_over(ada: Person, age: Age) -> None:
    await age(100 * DAY, 29 * DAY)
    assert await is_signed_in(ada)
    await age(100 * DAY, 30 * DAY + timedelta(seconds=1))
    assert not await is_signed_in(ada)
    assert (await ada.say(1, "hello")).status == 401


async def test_a_session_in_use_goes_on_until_its_limit(ada: Person, age: Age, database: Database) -> None:
    await age(179 * DAY, 20 * DAY)
    assert await is_signed_in(ada)
    async with database.reading() as reading:
        row = (await reading.execute(select(Session.last_used_at))).one()
    assert datetime.now(UTC) - row.last_used_at < timedelta(minutes=1), "that it was used is noted"
    await age(180 * DAY + timedelta(seconds=1), timedelta(0))
    assert not await is_signed_in(ada)


async def test_an_operator_may_shorten_both(open_house: OpenHouse, age: Age) -> None:
    url = await open_house(session_idle_s=600, session_limit_s=3600)
    async with Person(url) as ada:
        await ada.sign_up("Ada")
        await age(timedelta(minutes=59), timedelta(minutes=9))
        assert await is_signed_in(ada)
        await age(timedelta(minutes=61), timedelta(0))
        assert not await is_signed_in(ada)


async def test_the_list_tells_ones_browsers_apart_and_each_can_be_ended(ada: Person, bo: Person, age: Age) -> None:
    async with Person(ada.url) as desk, Person(ada.url) as phone:
        desk.client.headers["user-agent"], phone.client.headers["user-agent"] = FIREFOX, IPHONE
        await desk.sign_in("Ada")
        await phone.sign_in("Ada")
        page = await phone.get("/settings/sessions")
        assert len(re.findall("<li ", page.text)) == 3
        assert "Firefox on Linux" in page.text
        assert page.text.count("This session") == 1
        assert re.search(r"Safari on iPhone</p>\s*<p class=\"badge\">This session", page.text)
        action = re.findall(r'id="session-(\d+)">Firefox on Linux', page.text)[0]
        assert (await bo.post(f"/settings/sessions/{action}/end")).status == 404
        assert (await phone.submit("/settings/sessions", f"/settings/sessions/{action}/end")).status == 303
        assert [await is_signed_in(person) for person in (desk, phone, ada, bo)] == [False, True, True, True]
        assert "Firefox" not in (await phone.get("/settings/sessions")).text
        assert (await phone.post(f"/settings/sessions/{action}/end")).status == 404
        await age(timedelta(0), 31 * DAY)
        await phone.sign_in("Ada")
        assert len(re.findall("<li ", (await phone.get("/settings/sessions")).text)) == 1


async def test_signing_out_everywhere_means_here_too_and_nobody_else(ada: Person, bo: Person) -> None:
    async with Person(ada.url) as elsewhere:
        await elsewhere.sign_in("Ada")
        answer = await ada.submit("/settings/sessions", "/settings/sessions/end-all")
        assert answer.answer.headers["location"] == "/sign-in"
        assert [await is_signed_in(person) for person in (ada, elsewhere, bo)] == [False, False, True]


async def test_signing_out_takes_the_cookie_back(ada: Person) -> None:
    cookie = ada.client.cookies["session"]
    answer = await ada.submit("/settings", "/sign-out")
    assert re.search(r"session=[^;]*;.*max-age=0", answer.answer.headers["set-cookie"], re.IGNORECASE)
    assert answer.answer.headers["clear-site-data"] == '"cache"', "what the browser kept is taken back as well"
    assert "session" not in ada.client.cookies
    assert not await with_cookie(ada.url, cookie)


async def test_keys_change_without_signing_anybody_out(open_house: OpenHouse) -> None:
    old, both, new = [await open_house(secret_keys=keys) for keys in (KEYS, (NEW_KEY, *KEYS), (NEW_KEY,))]
    async with Person(old) as ada:
        await ada.sign_up("Ada")
        notes = await ada.meet("Ada")
        await ada.say(notes, "said once", key="0123456789abcdef")
        page = await ada.get("/settings")
        cookies = dict(ada.client.cookies)
    async with Person(both) as ada:
        ada.client.cookies.update(cookies)
        assert await is_signed_in(ada)
        await ada.say(notes, "said once", key="0123456789abcdef")
        assert len((await ada.get(f"/conversations/{notes}")).articles) == 1, "a retry is known under either key"
        del ada.client.headers["origin"]
        assert (await ada.post("/conversations", {"username": "Ada"} | page.forms[0].fields)).status == 303
    async with Person(both) as ada:
        await ada.sign_in("Ada")
        renewed = ada.client.cookies["session"]
    assert not await with_cookie(new, cookies["session"])
    assert await with_cookie(new, renewed)
    assert not await with_cookie(old, renewed)
