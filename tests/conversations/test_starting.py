"""Finding people and starting to talk: the same two always meet in the same place."""

import asyncio
import re

import pytest

from conftest import Invite, OpenHouse
from parlour.accounts import users
from parlour.rates import Rate
from people import Person


async def test_the_same_pair_gets_the_same_conversation_whoever_starts_and_when(ada: Person, bo: Person) -> None:
    starts = [start for _ in range(3) for start in (ada.meet("Bo"), bo.meet("Ada"), ada.meet("bo"), bo.meet("ADA"))]
    assert len(set(await asyncio.gather(*starts))) == 1


async def test_notes_are_ones_own_and_another_place_than_any_talk(ada: Person, bo: Person) -> None:
    notes = await ada.meet("Ada")
    assert notes == await ada.meet("Ada")
    assert notes not in (await bo.meet("Bo"), await ada.meet("Bo"))
    await ada.say(notes, "remember the milk")
    assert "remember the milk" in (await ada.get(f"/conversations/{notes}")).text
    assert (await bo.get(f"/conversations/{notes}")).status == 404


async def test_people_are_found_by_the_beginning_or_the_middle_of_their_name(invite: Invite) -> None:
    ada = await invite("Ada")
    for name in ("Adam", "Nadia", "Bo", "Zoë"):
        await invite(name)

    assert {"Ada", "Adam"} <= set(await found(ada, "ada"))
    assert await found(ada, "zoe\u0308") == ["Zoë"]
    assert await found(ada, "100%") == []
    assert await found(ada, "_") == []
    assert await found(ada, "\u0640") == [], "a stroke without ink is in nobody's name"


async def test_where_too_many_are_found_whoever_has_that_very_name_is_among_them(
    invite: Invite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(users, "PEOPLE_AT_MOST", 3)
    ada = await invite("Ada")
    for name in ("Akim", "Kimba", "Kimberley", "Wakim", "kim"):
        await invite(name)
    assert await found(ada, "Kim") == ["kim", "Kimba", "Kimberley"]
    assert "There are more" in (await ada.get("/people?q=kim")).text
    assert "There are more" not in (await ada.get("/people?q=kimb")).text


async def found(person: Person, query: str) -> list[str]:
    page = await person.client.get("/people", params={"q": query})
    return re.findall(r"<button[^>]*>(?:<[^>]*>)*\s*Message (?:<[^>]*>)*([^<]+)", page.text)


async def test_an_unknown_person_is_said_to_be_one_and_the_name_is_still_there(ada: Person) -> None:
    answer = await ada.post("/conversations", {"username": "Nobody Here"})
    assert answer.status == 422
    assert answer.alert
    assert "Nobody Here" in answer.text


async def test_only_new_conversations_count_towards_the_limit(open_house: OpenHouse) -> None:
    house = await open_house(rate_conversations=Rate(1, 3600))
    async with Person(house) as ada, Person(house) as bo:
        await ada.sign_up("Ada")
        await bo.sign_up("Bo")
        for _ in range(3):
            await ada.meet("Bo")
        answer = await ada.post("/conversations", {"username": "Ada"})
        assert answer.status == 429
        assert int(answer.answer.headers["retry-after"]) > 0
