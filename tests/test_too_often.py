"""Limits of how often, and what is told when something cannot be done just now."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from conftest import Invite, OpenHouse
from parlour import health
from parlour.accounts import passwords
from parlour.db import sqlite
from parlour.rates import Rate
from people import PASSWORD, Person
from refusals import check_refusal, check_too_often, count_articles

pytestmark = pytest.mark.usefixtures("quiet_log")


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What is counted is the same on either database."""
    return sqlite_url


async def test_who_posts_too_often_is_asked_to_wait_and_keeps_the_text(open_house: OpenHouse) -> None:
    url = await open_house(rate_posts=Rate(3, 40))
    async with Person(url) as ada, Person(url) as bo:
        await ada.sign_up("Ada")
        await bo.sign_up("Bo")
        talk, notes = await ada.meet("Bo"), await ada.meet("Ada")
        assert [(await ada.say(talk, "hello")).status for _ in range(3)] == [303] * 3
        for place in (talk, notes):
            path = f"/conversations/{place}/messages"
            check_too_often(await ada.say(place, "the fourth"), path, text="the fourth")
            check_too_often(await ada.say_live(place, "the fourth", after=0), path, text="the fourth")
        assert (await bo.say(talk, "my first")).status == 303
        assert await count_articles(ada, talk) == 4


async def test_a_retry_of_what_is_stored_is_no_post_more(open_house: OpenHouse) -> None:
    async with Person(await open_house(rate_posts=Rate(2, 40))) as ada:
        await ada.sign_up("Ada")
        notes, key = await ada.meet("Ada"), "0123456789abcdef"
        assert [(await ada.say(notes, "once", key=key)).status for _ in range(4)] == [303] * 4
        assert (await ada.say(notes, "twice")).status == 303
        assert (await ada.say(notes, "thrice")).status == 429
        assert (await ada.say(notes, "something else", key=key)).status == 429
        assert (await ada.say(notes, "once", key=key)).status == 303
        again = await ada.say_live(notes, "once", after=0, key=key)
        assert (again.status, "once" in again.text) == (200, True)
        assert await count_articles(ada, notes) == 2


async def test_who_begins_too_many_conversations_is_asked_to_wait(open_house: OpenHouse) -> None:
    url = await open_house(rate_conversations=Rate(2, 40))
    async with Person(url) as ada, Person(url) as bo, Person(url) as cy:
        for person, name in ((ada, "Ada"), (bo, "Bo"), (cy, "Cy")):
            await person.sign_up(name)
        notes, talk = await ada.meet("Ada"), await ada.meet("Bo")
        page = await ada.post("/conversations", {"username": "Cy"})
        check_refusal(page, 429)
        assert 1 <= int(page.answer.headers["retry-after"]) <= 40
        assert 'value="Cy"' in page.text
        assert [await ada.meet(name) for name in ("Ada", "Bo")] == [notes, talk]
        assert await cy.meet("Ada")


async def test_who_fails_to_sign_in_too_often_is_asked_to_wait(open_house: OpenHouse) -> None:
    url = await open_house(rate_sign_ins=Rate(3, 40))
    async with Person(url) as ada, Person(url) as stranger:
        await ada.sign_up("Ada")
        for name in ("Ada", "Nobody"):
            assert [(await stranger.sign_in(name, "not it at all")).status for _ in range(3)] == [401] * 3
            for password in ("not it at all", PASSWORD):
                check_too_often(await stranger.sign_in(name, password), "/sign-in", username=name, password="")
        assert (await stranger.sign_in("Somebody", "not it at all")).status == 401
        assert (await ada.get("/")).status == 200


async def test_who_comes_too_often_from_one_address_is_asked_to_wait(open_house: OpenHouse) -> None:
    url = await open_house(rate_address=Rate(4, 40))
    async with Person(url) as ada, Person(url) as stranger:
        await ada.sign_up("Ada")
        for name in ("one", "two", "three"):
            assert (await stranger.sign_in(name, "not it at all")).status == 401
        check_too_often(await stranger.sign_in("four", "not it at all"), "/sign-in", username="four")
        newcomer = {"username": "five", "password": PASSWORD}
        check_too_often(await stranger.post("/sign-up", newcomer), "/sign-up", username="five", password="")
        assert (await ada.get("/")).status == 200


async def test_who_signs_up_too_often_from_one_address_is_asked_to_wait(open_house: OpenHouse) -> None:
    url = await open_house(rate_sign_ups=Rate(2, 40))
    for name in ("one", "two"):
        async with Person(url) as newcomer:
            await newcomer.sign_up(name)
    async with Person(url) as newcomer:
        page = await newcomer.post("/sign-up", {"username": "three", "password": PASSWORD})
        check_too_often(page, "/sign-up", username="three", password="")
        assert (await newcomer.sign_in("one")).status == 303


async def test_a_hundred_guesses_at_once_are_no_more_than_the_limit(open_house: OpenHouse) -> None:
    url = await open_house(rate_sign_ins=Rate(5, 40))
    async with Person(url) as ada, Person(url) as stranger:
        await ada.sign_up("Ada")
        form = {"username": "Ada", "password": "not it at all"}
        pages = await asyncio.gather(*(stranger.post("/sign-in", form) for _ in range(60)))
        statuses = [page.status for page in pages]
        assert statuses.count(401) <= 5
        assert set(statuses) <= {401, 429, 503}


async def test_a_full_queue_for_passwords_is_503_with_when_to_come_back(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "MOST_WAITING", 2)  # however slowly they come on a busy machine
    house = await open_house()
    async with Person(house) as ada, Person(house) as stranger:
        await ada.sign_up("Ada")
        form = {"username": "Ada", "password": "not it at all"}
        pages = await asyncio.gather(*(stranger.post("/sign-in", form) for _ in range(80)))
        full = [page for page in pages if page.status == 503]
        assert full
        for page in full:
            check_refusal(page, 503, "/sign-in", username="Ada")
            assert int(page.answer.headers["retry-after"]) >= 1
        assert {page.status for page in pages} == {401, 503}
        assert (await stranger.sign_in("Ada")).status == 303


class TestWithoutADisk:
    """The database does not answer; nobody can write, and everybody is told when to try again."""

    @pytest.fixture
    def database_url(self, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
        monkeypatch.setattr(sqlite, "SQLITE_BUSY_MS", 100)
        return sqlite_url

    async def test_what_cannot_be_stored_now_is_503_and_stays_in_the_composer(
        self, tmp_path: Path, invite: Invite, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ada = await invite("Ada")
        talk = await ada.meet("Ada")
        bo = await invite("Bo")
        noted = await bo.meet("Ada")
        await bo.say(noted, "read me")
        other = sqlite3.connect(tmp_path / "parlour.sqlite3", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        path = f"/conversations/{talk}/messages"
        monkeypatch.setattr(sqlite, "SQLITE_BUSY_MS", 3_600_000)
        monkeypatch.setattr(health, "READY_WITHIN_S", 0.1)  # it says so long before others have waited enough
        check_refusal(await ada.get("/readyz"), 503)
        monkeypatch.setattr(sqlite, "SQLITE_BUSY_MS", 100)
        refused = await asyncio.gather(
            ada.say(talk, "not now"),
            ada.get("/readyz"),
            ada.post("/sign-in", {"username": "Ada", "password": PASSWORD}),
            ada.say(talk, "nor in a frame", framed="yes"),
        )
        # What cannot be noted as read can still be read.
        assert "read me" in (await ada.get(f"/conversations/{noted}")).text
        other.execute("ROLLBACK")
        other.close()
        check_refusal(refused[0], 503, path, text="not now")
        check_refusal(refused[3], 503, path, text="nor in a frame", framed="yes")
        for page in refused:
            check_refusal(page, 503)
            assert int(page.answer.headers["retry-after"]) >= 1
        assert (await ada.get("/healthz")).text == (await ada.get("/readyz")).text == "ok"
        again = refused[0].form(path).fields
        assert (await ada.post(path, again)).status == 303
        assert await count_articles(ada, talk) == 1
        assert "Traceback" not in caplog.text
        caplog.clear()
