"""Coming in: by name and password, in the same words for everyone who fails, and never locked out by a stranger."""

import asyncio
import re
import time
from statistics import median

import pytest

from conftest import OpenHouse
from parlour.accounts.attempts import network
from parlour.rates import Rate
from people import PASSWORD, Page, Person

WRONG = "not it at all"
THREE = Rate(3, 900)

pytestmark = pytest.mark.usefixtures("quiet_log")


async def fail(person: Person, name: str, times: int) -> list[int]:
    return [(await person.post("/sign-in", {"username": name, "password": WRONG})).status for _ in range(times)]


def without_secrets(page: Page) -> str:
    """A page as it looks to everybody: no token, and no name that was typed."""
    text = re.sub(r'name="token" value="[^"]+"', "", page.text)
    return re.sub(r'name="username" value="[^"]*"', "", text)


async def test_ada_comes_back_by_name_and_password_whatever_the_case(ada: Person) -> None:
    for name in ("Ada", "ada", " ADA ", "\uff21da"):
        await ada.post("/sign-out")
        answer = await ada.sign_in(name)
        assert (answer.status, answer.answer.headers["location"]) == (303, "/")
        assert '<p class="name">Ada</p>' in (await ada.get("/settings")).text


async def test_a_stranger_cannot_tell_a_wrong_password_from_an_unknown_name(ada: Person) -> None:
    async with Person(ada.url) as stranger:
        tried = [("Ada", WRONG), ("Nobody", WRONG), ("Nobody", PASSWORD), ("Ada", PASSWORD + " "), ("Ada", ""),
                 ("", WRONG), ("\u0410da", PASSWORD), ("x" * 500, WRONG), ("Ada", "x" * 5_000),
                 ("Ada\0", PASSWORD)]  # fmt: skip
        pages = [await stranger.sign_in(name, password) for name, password in tried]
        assert {page.status for page in pages} == {401}
        assert len({without_secrets(page) for page in pages}) == 1
        assert {page.alert for page in pages} == {"This name and password do not belong together."}
        heads = [dict(page.answer.headers.multi_items()) for page in pages[:3]]
        for head in heads:
            for changing in ("date", "content-length"):
                del head[changing]
        assert heads[0] == heads[1] == heads[2]


async def test_a_stranger_cannot_tell_them_apart_by_time(ada: Person) -> None:
    times: dict[str, list[float]] = {"Ada": [], "Nobody": []}
    async with Person(ada.url) as stranger:
        for _ in range(25):
            for name, taken in times.items():
                start = time.perf_counter()
                await fail(stranger, name, 1)
                taken.append(time.perf_counter() - start)
    known, unknown = median(times["Ada"]), median(times["Nobody"])
    assert 0.75 < known / unknown < 1.33


async def test_nobody_locks_ada_out_of_a_browser_that_she_used_before(open_house: OpenHouse) -> None:
    url = await open_house(rate_sign_ins=THREE, rate_address=Rate(8, 900))
    async with Person(url) as ada, Person(url) as stranger, Person(url) as new_phone:
        await ada.sign_up("Ada")
        await ada.post("/sign-out")
        assert await fail(stranger, "Ada", 4) == [401, 401, 401, 429]
        assert (await new_phone.sign_in("Ada")).status == 429, "a browser that nobody knows is a stranger's"
        assert (await ada.sign_in("Ada")).status == 303
        await ada.post("/sign-out")
        await fail(stranger, "Bo", 3)
        await fail(stranger, "Cy", 3)
        assert await fail(stranger, "Dee", 1) == [429], "now the whole address has to wait"
        assert (await ada.sign_in("Ada")).status == 303


async def test_a_browser_that_is_known_has_a_limit_of_its_own(open_house: OpenHouse) -> None:
    url = await open_house(rate_sign_ins=THREE)
    async with Person(url) as desk, Person(url) as phone:
        await desk.sign_up("Ada")
        await phone.sign_in("Ada")
        for browser in (desk, phone):
            await browser.post("/sign-out")
        assert await fail(desk, "ada", 4) == [401, 401, 401, 429]
        assert (await desk.sign_in("Ada")).status == 429
        assert (await phone.sign_in("Ada")).status == 303


async def test_to_be_known_one_must_have_signed_in_under_that_very_name(open_house: OpenHouse) -> None:
    url = await open_house(rate_sign_ins=THREE)
    async with Person(url) as ada, Person(url) as mallory:
        await ada.sign_up("Ada")
        await mallory.sign_up("Mallory")
        known = mallory.client.cookies["known"]
        assert (await fail(mallory, "Ada", 4))[-1] == 429
        for forged in ("", "x", known[:-2] + "xx", known.replace(".", "..")):
            mallory.client.cookies.clear()
            mallory.client.cookies.set("known", forged)
            assert await fail(mallory, "Ada", 1) == [429]


async def test_signing_in_is_no_failure(open_house: OpenHouse) -> None:
    url = await open_house(rate_sign_ins=THREE)
    async with Person(url) as ada:
        await ada.sign_up("Ada")
        for _ in range(6):
            ada.client.cookies.clear()
            assert (await ada.sign_in("Ada")).status == 303
        ada.client.cookies.clear()
        assert await fail(ada, "Ada", 2) == [401, 401]
        assert (await ada.sign_in("Ada")).status == 303


async def test_a_restart_forgets_no_failure(open_house: OpenHouse) -> None:
    for expected in ([401, 401], [401, 429], [429]):
        url = await open_house(rate_sign_ins=THREE)
        async with Person(url) as stranger:
            assert await fail(stranger, "Ada", len(expected)) == expected


async def test_nobody_becomes_another_address_by_saying_so(open_house: OpenHouse) -> None:
    url = await open_house(rate_address=THREE)
    async with Person(url) as stranger:
        statuses = []
        for number in range(5):
            headers = {"x-forwarded-for": f"203.0.113.{number}", "forwarded": f"for=203.0.113.{number}"}
            fields = {"username": f"name{number}", "password": WRONG}
            answer = await stranger.client.post("/sign-in", data=fields, headers=headers)
            statuses.append(answer.status_code)
        assert statuses == [401, 401, 401, 429, 429]


def test_a_whole_network_of_ipv6_counts_as_one_address() -> None:
    assert network("2001:db8:1:2::1") == network("2001:db8:1:2:ffff:ffff:ffff:ffff") != network("2001:db8:1:3::1")
    assert network("203.0.113.9") != network("203.0.113.10")
    assert network("::ffff:203.0.113.9") != network("::ffff:203.0.113.10")
    assert network("::ffff:203.0.113.9") == network("203.0.113.9")


async def test_what_is_wrong_with_a_new_account_is_said_beside_its_field(ada: Person) -> None:
    async with Person(ada.url) as bo:
        for field, name, password in (
            ("username", "a b", PASSWORD),
            ("username", "ada", PASSWORD),
            ("password", "Bo", "x"),
        ):
            page = await bo.post("/sign-up", {"username": name, "password": password})
            wrong = f'aria-describedby="about-{field} {field}-alert" aria-invalid="true"'
            assert page.text.count("aria-invalid") == page.text.count(wrong) == 1
            assert f'id="{field}-alert" role="alert">{page.alert}</p>' in page.text


async def test_of_two_who_want_one_name_at_once_one_gets_it(house: str) -> None:
    async with Person(house) as one, Person(house) as other:
        fields = {"username": "Ada", "password": PASSWORD}
        answers = await asyncio.gather(one.post("/sign-up", fields), other.post("/sign-up", fields))
        assert sorted(answer.status for answer in answers) == [303, 409]
        signed_in = [(await person.get("/settings")).status == 200 for person in (one, other)]
        assert signed_in == [answer.status == 303 for answer in answers]


async def test_where_registration_is_closed_those_within_come_and_go(open_house: OpenHouse) -> None:
    async with Person(await open_house()) as ada:
        await ada.sign_up("Ada")
    async with Person(await open_house(registration_open=False)) as ada:
        assert (await ada.sign_in("Ada")).status == 303
        assert (await ada.get("/sign-up")).status == 303
        await ada.post("/sign-out")
        assert (await ada.get("/sign-up")).status == 403
        assert (await ada.post("/sign-up", {"username": "Dee", "password": PASSWORD})).status == 403
        assert (await ada.sign_in("Dee")).status == 401
        assert "/sign-up" not in (await ada.get("/sign-in")).text
