"""What people decide on the settings pages is kept, and shown again as they left it."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from parlour import db
from parlour.conversations.models import Membership
from people import Person

BOXES = ("receipts", "online", "typing")


def ticked(page: str) -> list[str]:
    return re.findall(r'<input type="checkbox" id="([\w-]+)"[^>]* checked>', page)


async def test_every_box_is_ticked_at_first_and_each_stays_as_it_was_left(ada: Person, bo: Person) -> None:
    assert ticked((await ada.get("/settings")).text) == list(BOXES)
    for box in BOXES:
        answer = await ada.post("/settings", {box: "on"})
        assert answer.answer.headers["location"] == "/settings"
        assert ticked((await ada.get("/settings")).text) == [box]
    assert ticked((await bo.get("/settings")).text) == list(BOXES), "what one decides is decided for nobody else"


async def test_a_conversation_has_settings_of_its_own(ada: Person, bo: Person, talk: int) -> None:
    path = f"/conversations/{talk}"
    page = (await ada.get(path)).text
    assert ticked(page) == ["receipts-here"]
    assert "<option selected>Not muted</option>" in page
    await ada.post(f"{path}/settings", {"mute": "Always"})
    page = (await ada.get(path)).text
    assert ticked(page) == []
    assert "<option selected>Always</option>" in page
    assert "<option selected>Not muted</option>" in (await bo.get(path)).text
    answer = await ada.post(f"{path}/settings", {"receipts": "on", "mute": "For a while"})
    assert answer.status == 422
    assert "<option selected>Always</option>" in (await ada.get(path)).text


@pytest.mark.parametrize(("choice", "length"), [("8 hours", timedelta(hours=8)), ("A week", timedelta(days=7))])
async def test_a_mute_ends_by_itself_and_saving_it_again_does_not_prolong_it(
    ada: Person, talk: int, database_url: str, choice: str, length: timedelta
) -> None:
    until: list[datetime] = []
    for _ in range(2):
        await ada.post(f"/conversations/{talk}/settings", {"receipts": "on", "mute": choice})
        database = db.connect(database_url, lambda _events: None)
        async with database.reading() as reading:
            ends = select(Membership.muted_until).where(Membership.muted_until.is_not(None))
            until.append((await reading.execute(ends)).one().muted_until)
        await database.close()
    assert until[0] == until[1]
    assert abs(until[0] - datetime.now(UTC) - length) < timedelta(minutes=1)
    assert f"<option selected>{choice}</option>" in (await ada.get(f"/conversations/{talk}")).text
