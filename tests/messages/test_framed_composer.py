"""The composer in a frame of its own: whatever is answered into the frame stands there, and leads out of it."""

from urllib.parse import urlencode

import pytest

from browsing import ON_SQLITE
from conftest import OpenHouse
from parlour.rates import Rate
from people import Fields, Page, Person
from refusals import check_refusal

pytestmark = [ON_SQLITE, pytest.mark.usefixtures("quiet_log")]

ELSEWHERE = "http://elsewhere.test"
TOO_MUCH = "x" * 300_000


def framed(page: Page, status: int, **held: str) -> Page:
    """A refusal that a frame of ours may show; its links lead out of it, only its composer does not."""
    composer = next((form for form in page.forms if form.action.endswith("/messages")), None)
    check_refusal(page, status, composer.action if composer else "", **held)
    assert "frame-ancestors 'self'" in page.answer.headers["content-security-policy"]
    assert '<base target="_top">' in page.text
    if composer:
        assert 'target="_self"' in page.text
        assert composer.fields["framed"] == "yes"
    return page


async def write(person: Person, talk: int, *, origin: str = "", **fields: str) -> Page:
    """Sends the composer of the frame as a browser does."""
    return await send(person, talk, await composer(person, talk) | fields, origin)


async def composer(person: Person, talk: int) -> Fields:
    return (await person.get(f"/conversations/{talk}/composer")).form(f"/conversations/{talk}/messages").fields


async def send(person: Person, talk: int, fields: Fields, origin: str = "") -> Page:
    parts = {name: (None, value.encode()) for name, value in fields.items()}
    headers = {"origin": origin or person.url}
    return Page(await person.client.post(f"/conversations/{talk}/messages", files=parts, headers=headers))


async def test_every_refusal_stands_in_the_frame_with_what_was_written(open_house: OpenHouse) -> None:
    async with Person(await open_house(rate_posts=Rate(1, 60))) as ada:
        await ada.sign_up("Ada")
        talk = await ada.meet("Ada")
        form = await composer(ada, talk)
        framed(await send(ada, talk, form | {"text": TOO_MUCH}), 413, text="", key=form["key"])
        framed(await write(ada, talk, text="x" * 10_001), 422, text="x" * 10_001)
        framed(await write(ada, talk, text="from where?", origin=ELSEWHERE), 403, text="from where?")
        framed(await write(ada, talk, text="lost", key="short"), 422, text="lost")
        assert (await write(ada, talk, text="said")).answer.headers["location"] == f"/conversations/{talk}/composer"
        framed(await write(ada, talk, text="too soon"), 429, text="too soon")
        del ada.client.headers["origin"]
        stale = await ada.client.post(f"/conversations/{talk}/messages", data=form | {"text": "old", "token": "old"})
        framed(Page(stale), 403, text="old")
        ada.client.cookies.clear()
        over = framed(await send(ada, talk, form | {"text": "kept"}), 401)
        assert over.form("/sign-in").fields["text"] == "kept"
        door = await ada.get(f"/conversations/{talk}/composer")
        assert door.status == 303
        assert '<base target="_top">' in (await ada.get(door.answer.headers["location"])).text


async def test_what_cannot_be_read_is_answered_in_the_frame_that_the_browser_tells_of(ada: Person, talk: int) -> None:
    path, in_a_frame = f"/conversations/{talk}/messages", {"sec-fetch-site": "same-origin", "sec-fetch-dest": "iframe"}
    bodies = {
        413: ("application/x-www-form-urlencoded", urlencode({"text": TOO_MUCH}).encode()),
        400: ("multipart/form-data; boundary=b", b"no part"),
        415: ("text/plain", b"text=hello"),
    }
    for status, (kind, body) in bodies.items():
        answer = await ada.client.post(path, content=body, headers=in_a_frame | {"content-type": kind})
        framed(Page(answer), status)
    alone = await ada.client.post(path, data={"text": TOO_MUCH})
    assert "frame-ancestors 'none'" in alone.headers["content-security-policy"]


async def test_what_a_frame_cannot_show_it_says_in_its_place(cy: Person, talk: int) -> None:
    for path in (f"/conversations/{talk}/composer", f"/conversations/{talk}/live"):
        page = framed(await cy.get(path), 404)
        assert '<a class="button" href="" target="_self">Try again</a>' in page.text
