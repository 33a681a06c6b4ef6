"""Pages shown to somebody who is not signed in: nobody outside learns which addresses lead anywhere."""

import pytest

from browsing import ON_SQLITE
from people import Person

pytestmark = ON_SQLITE


@pytest.mark.parametrize("path", ["/conversations/1/nowhere", "/messages/1/nowhere", "/settings/nowhere", "/nowhere"])
async def test_whoever_is_signed_out_is_sent_to_sign_in_from_an_address_that_leads_nowhere(
    house: str, path: str
) -> None:
    async with Person(house) as stranger:
        looked = await stranger.get(path)
        sent = await stranger.post(path, {"text": "Hello?"})
    assert (looked.status, looked.answer.headers["location"]) == (303, f"/sign-in?next={path}")
    assert sent.status == 401
    assert "Sign in" in sent.text


async def test_whoever_is_signed_in_learns_that_there_is_nothing(ada: Person, talk: int) -> None:
    page = await ada.get(f"/conversations/{talk}/nowhere")
    assert page.status == 404
    assert page.alert


async def test_a_page_that_refuses_tells_how_much_is_unread_as_every_page_does(
    ada: Person, bo: Person, talk: int
) -> None:
    await ada.say(talk, "Have you seen this?")
    refused = {
        404: [await bo.get("/nowhere"), await bo.post("/nowhere"), await bo.get("/feeds/1-abc")],
        403: [await bo.post("/settings", sec_fetch_site="cross-site")],
        413: [await bo.post("/settings", {"show": "much " * 100_000})],
    }
    for status, pages in refused.items():
        assert {page.status for page in pages} == {status}
        assert all("<title>(1) " in page.text for page in pages)


async def test_an_asset_that_is_not_there_is_missing_for_everyone(house: str) -> None:
    async with Person(house) as stranger:
        assert (await stranger.get("/assets/nothing/here.css")).status == 404
