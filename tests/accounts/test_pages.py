"""Pages shown to somebody who is not signed in: nobody outside learns which addresses lead anywhere."""

import pytest

from people import Person


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


async def test_an_asset_that_is_not_there_is_missing_for_everyone(house: str) -> None:
    async with Person(house) as stranger:
        assert (await stranger.get("/assets/nothing/here.css")).status == 404
