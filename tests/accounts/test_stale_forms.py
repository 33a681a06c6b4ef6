"""A form whose token has gone stale, in a browser that does not say where its forms come from."""

from people import Page, Person


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
