"""Signing in leads back to where one wanted to go, within the house, with what one had typed."""

import itertools
import re

import pytest

from corpus import URL_PAYLOADS
from people import PASSWORD, Page, Person
from refusals import check_refusal

pytestmark = pytest.mark.usefixtures("quiet_log")


ELSEWHERE = [
    *URL_PAYLOADS, "http://elsewhere.test/", "//elsewhere.test", "/\\elsewhere.test", "\\/elsewhere.test",
    "/\t/elsewhere.test", "/\n/elsewhere.test", "/\r/elsewhere.test", "///elsewhere.test", "/ /elsewhere.test",
    " //elsewhere.test", "\t//elsewhere.test", "\0//elsewhere.test", "elsewhere.test", "./elsewhere", "../x",
    "@elsewhere.test", ":80", "?x", "#x", "/\u2028x", "/\u00e9", "/\x7f", "/%0d%0aSet-Cookie:x=y\r\nX: y",
    "https:/elsewhere.test", "/\\\t/elsewhere.test",
]  # fmt: skip
FORMS_ALONE = [
    "/sign-out", "/sign-out/", "/sign-out?x=1#y", "/sign%2dout", "/./people/../sign-out", "/conversations",
    "/conversations/7/messages", "/messages/5/unread", "/settings/sessions/end-all",
]  # fmt: skip
WITHIN = [
    "/",
    "/settings",
    "/conversations/7?before=51",
    "/conversations/7#latest",
    "/people?q=a%20b&x=%2F%2Fy",
    "/.//x",
]


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Where one is led plays no part in either database."""
    return sqlite_url


async def test_one_is_led_on_within_the_house_and_nowhere_else(ada: Person) -> None:
    async with Person(ada.url) as stranger:
        for path, way in itertools.product(ELSEWHERE + FORMS_ALONE + WITHIN, ("/sign-in", "/sign-up")):
            where = (await ada.client.get(way, params={"next": path})).headers["location"]
            page = Page(await stranger.client.get(way, params={"next": path}))
            assert page.form(way).fields.get("next", "/") == where
            if path in WITHIN:
                assert where == path
            elif path in FORMS_ALONE:
                assert where == "/", path
            else:
                assert where == "/" or (where == path and re.fullmatch(r"/[^/\\\s][!-~]*", path)), path


async def test_nobody_is_led_elsewhere_by_signing_in_or_up(house: str) -> None:
    for number, path in enumerate(
        ("//elsewhere.test", "/\\elsewhere.test", "/\t/elsewhere.test", "https://elsewhere.test", "/sign-out")
    ):
        async with Person(house) as newcomer:
            form = {"username": f"newcomer{number}", "password": PASSWORD, "next": path}
            for way in ("/sign-up", "/sign-in"):
                assert (await newcomer.post(way, form)).answer.headers["location"] == "/"
            within = form | {"next": "/settings"}
            assert (await newcomer.post("/sign-in", within)).answer.headers["location"] == "/settings"


async def test_who_was_led_to_the_sign_in_page_comes_back_to_where_they_wanted(ada: Person) -> None:
    await ada.post("/sign-out")
    for path in ("/people?q=a%20b%26c", "/conversations/1?before=51", "/messages/5", "/nowhere%2fat/all"):
        led = await ada.get(path)
        assert led.status == 303
        page = await ada.get(led.answer.headers["location"])
        form = page.form("/sign-in").fields | {"username": "Ada", "password": PASSWORD}
        assert (await ada.post("/sign-in", form)).answer.headers["location"] == path
        await ada.post("/sign-out")


async def test_what_was_typed_while_signed_out_is_in_the_composer_afterwards(ada: Person, talk: int) -> None:
    await ada.post("/sign-out")
    for text in ("kept <b>&amp;</b>\r\nin two lines", "\n\n  blanks first", "with NUL\0 inside", "\U0001f600" * 10_000):
        page = await ada.say(talk, text)
        check_refusal(page, 401, "/sign-in", text=text)
        form = page.form("/sign-in").fields | {"username": "Ada", "text": text}
        wrong = await ada.post("/sign-in", form | {"password": "not it at all"})
        check_refusal(wrong, 401, "/sign-in", text=text, username="Ada")
        answer = await ada.post("/sign-in", form | {"password": PASSWORD})
        assert answer.answer.headers["location"] == f"/conversations/{talk}"
        composer = (await ada.get(f"/conversations/{talk}")).form(f"/conversations/{talk}/messages")
        assert composer.fields["text"] == text.replace("\0", "")
        await ada.post("/sign-out")


@pytest.mark.parametrize("text", ["\u5b57" * 30_000, "\u5b57" * 87_000, "x" * 261_000], ids=["long", "longer", "Latin"])
async def test_whatever_a_form_could_hold_goes_through_signing_in(ada: Person, talk: int, text: str) -> None:
    path = f"/conversations/{talk}"
    form = (await ada.get(path)).form(f"{path}/messages")
    await ada.post("/sign-out")
    refused = await ada.send(form, text=text)
    check_refusal(refused, 401, "/sign-in", text=text)
    wrong = await ada.send(refused.form("/sign-in"), username="Ada", password="not it at all")
    check_refusal(wrong, 401, "/sign-in", text=text)
    assert (await ada.send(wrong.form("/sign-in"), username="Ada", password=PASSWORD)).status == 303
    composer = (await ada.get(path)).form(f"{path}/messages")
    assert composer.fields["text"] == text
    check_refusal(await ada.send(composer), 422, f"{path}/messages", text=text)


async def test_a_text_of_any_script_that_is_too_long_for_a_message_is_still_in_the_form_to_edit_one(
    ada: Person, talk: int
) -> None:
    posted = await ada.say_live(talk, "as it was")
    path = f"/messages/{re.findall(r'message-([0-9]+)', posted.text)[0]}/edit"
    text = "\u5b57" * 30_000
    refused = await ada.send((await ada.get(path)).form(path), text=text)
    check_refusal(refused, 422, path, text=text)
    assert (await ada.send(refused.form(path), text="\u5b57" * 10_000)).status == 303


async def test_nothing_too_long_is_carried_through_signing_in(ada: Person) -> None:
    await ada.post("/sign-out")
    long = "/" + "x" * 3_000
    answer = await ada.post("/sign-in", {"username": "Ada", "password": PASSWORD, "next": long, "text": "hello"})
    assert answer.status == 303


async def test_an_edit_typed_while_signed_out_is_offered_for_the_text_that_it_was_typed_for(
    ada: Person, talk: int
) -> None:
    async with Person(ada.url) as elsewhere:
        await elsewhere.sign_in("Ada")
        for as_rendered, changed_first in ((True, False), (True, True), (False, False)):
            posted = await ada.say_live(talk, "as it was")
            path = f"/messages/{re.findall(r'message-([0-9]+)', posted.text)[0]}/edit"
            form = (await ada.get(path)).form(path).fields if as_rendered else {}
            await ada.post("/sign-out")
            refused = await ada.post(path, form | {"text": "what I typed"})
            if changed_first:
                await elsewhere.post(path, {"text": "changed elsewhere"})
            signing_in = refused.form("/sign-in").fields | {"username": "Ada", "password": PASSWORD}
            await ada.post("/sign-in", signing_in)
            if not changed_first:
                assert (await ada.get(path)).form(path).fields["text"] == "what I typed"
                await elsewhere.post(path, {"text": "changed elsewhere"})
            page = await ada.get(path)
            assert page.form(path).fields["text"] == "changed elsewhere"
            assert "what I typed" in page.text, "it is not lost"
            await ada.post(path, {"text": "changed elsewhere"})
            assert "what I typed" not in (await ada.get(path)).text
