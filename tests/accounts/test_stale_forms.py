"""A form whose token has gone stale, or whose page was made for another person than the one who is signed in by now."""

from people import PASSWORD, Page, Person


async def test_a_stale_form_shows_what_was_written_and_can_be_sent_again(ada: Person, talk: int) -> None:
    path = f"/conversations/{talk}/messages"
    form = {"text": "Do not lose me", "key": "0123456789abcdef", "token": "of.another-session"}
    del ada.client.headers["origin"]
    refused = Page(await ada.client.post(path, data=form))
    assert refused.status == 403
    assert refused.alert
    again = refused.form(path).fields
    assert again["text"] == "Do not lose me"
    assert not (await ada.get(f"/conversations/{talk}")).articles
    assert (await ada.post(path, again)).status == 303
    assert len((await ada.get(f"/conversations/{talk}")).articles) == 1


async def test_what_ada_wrote_is_never_said_by_bo_who_signed_in_in_her_browser(
    ada: Person, bo: Person, talk: int
) -> None:
    path, action = f"/conversations/{talk}", f"/conversations/{talk}/messages"
    hers = (await ada.get(path)).form(action).fields | {"text": "I am Ada"}
    await ada.post("/sign-out")
    await ada.sign_in("Bo")
    for headers in ({}, {"hx_request": "true"}):
        refused = await ada.post(action, hers, **headers)
        assert refused.status == 403
        assert refused.alert.startswith("Bo is signed in here now")
    carried = refused.form("/sign-in").fields
    assert carried["text"] == "I am Ada"
    assert (await ada.post("/sign-in", carried | {"username": "Bo", "password": PASSWORD})).status == 303
    assert (await ada.get(path)).form(action).fields["text"] == "", "nobody is handed what somebody else wrote"
    wrong = await ada.post("/sign-in", carried | {"username": "Ada", "password": "not it at all"})
    form = wrong.form("/sign-in").fields | {"password": PASSWORD}
    assert (await ada.post("/sign-in", form)).answer.headers["location"] == path
    assert (await ada.get(path)).form(action).fields["text"] == "I am Ada"
    assert not (await bo.get(path)).articles
    assert (await ada.post(action, hers)).status == 303, "a session of the same person takes it"
    assert "Ada" in (await bo.get(path)).articles[0]
