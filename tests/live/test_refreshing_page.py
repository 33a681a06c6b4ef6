"""The page that comes anew by itself, for those whose line holds endless pages back: cheap when nothing is new."""

import re

import pytest

from parlour.messages.history import PAGE_ROWS
from people import Person

pytestmark = pytest.mark.usefixtures("quiet_log")


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What is drawn is the same on either database."""
    return sqlite_url


async def test_nothing_new_is_told_in_no_words(ada: Person, bo: Person, cy: Person, talk: int) -> None:
    path = f"/conversations/{talk}/refreshing?every=5"
    await bo.say(talk, "hello")
    page = await ada.get(path)
    assert "hello" in page.text
    assert re.search(rf'http-equiv="refresh" content="5; url={re.escape(path)}"', page.text)
    tag = page.answer.headers["etag"]
    again = await ada.get(path, if_none_match=tag)
    assert again.status == 304
    assert not again.answer.content
    for name in ("etag", "vary", "cache-control"):
        assert again.answer.headers[name] == page.answer.headers[name]
    await cy.say(await cy.meet("Ada"), "elsewhere")
    counted = await ada.get(path, if_none_match=tag)
    assert "<title>(1) " in counted.text
    assert "<title>(" not in page.text
    assert "1 unread in other conversations" in counted.text
    assert "in other conversations" not in page.text
    await bo.say(talk, "anybody there?")
    changed = await ada.get(path, if_none_match=tag)
    assert changed.status == 200
    assert "anybody there?" in changed.text
    assert (await bo.get(path, if_none_match=changed.answer.headers["etag"])).status == 200


async def test_it_comes_as_often_as_one_chooses_or_not_at_all(ada: Person, talk: int) -> None:
    for every in ("5", "15", "30", "60"):
        page = await ada.get(f"/conversations/{talk}/refreshing?every={every}")
        assert f'content="{every}; url=' in page.text
    manual = await ada.get(f"/conversations/{talk}/refreshing?every=manual")
    assert 'http-equiv="refresh"' not in manual.text
    assert manual.answer.headers["cache-control"] == "no-store"
    for every in ("", "0", "1", "-5", "5s", "none"):
        assert (await ada.get(f"/conversations/{talk}/refreshing?every={every}")).status == 422


async def test_what_is_too_old_for_it_is_a_page_of_its_own(ada: Person, bo: Person, talk: int) -> None:
    for number in range(PAGE_ROWS):
        await bo.say(talk, f"word {number}.")
    assert "Older messages" not in (await ada.get(f"/conversations/{talk}/refreshing")).text
    await bo.say(talk, "one more")
    for every in ("5", "manual"):
        page = await ada.get(f"/conversations/{talk}/refreshing?every={every}")
        assert "word 1." in page.text
        assert "word 0." not in page.text
        assert f'<a href="/conversations/{talk}?before=2"' in page.text


async def test_whoever_wrote_comes_back_to_it(ada: Person, talk: int) -> None:
    path = f"/conversations/{talk}/refreshing?every=manual&back=30"
    answer = await ada.submit(path, f"/conversations/{talk}/messages", text="said")
    assert answer.answer.headers["location"] == f"/conversations/{talk}/refreshing?every=30#latest"
    refused = await ada.submit(path, f"/conversations/{talk}/messages", text="x" * 10_001)
    again = refused.form(f"/conversations/{talk}/messages").fields | {"text": "shorter"}
    answer = await ada.post(f"/conversations/{talk}/messages", again)
    assert answer.answer.headers["location"] == f"/conversations/{talk}/refreshing?every=30#latest"
    path = f"/conversations/{talk}/refreshing?every=manual"
    answer = await ada.submit(path, f"/conversations/{talk}/messages", text="said without haste")
    assert answer.answer.headers["location"] == f"/conversations/{talk}/refreshing?every=manual#latest"
    answer = await ada.submit(path, f"/conversations/{talk}/messages", text="said", refreshing="7")
    assert answer.answer.headers["location"] == f"/conversations/{talk}#latest"
    framed = await ada.submit(f"/conversations/{talk}/composer", f"/conversations/{talk}/messages", text="said too")
    assert framed.answer.headers["location"] == f"/conversations/{talk}/composer"


async def test_only_what_is_framed_may_be_framed(ada: Person, talk: int) -> None:
    framed = f"/conversations/{talk}/composer"
    refused = await ada.submit(framed, f"/conversations/{talk}/messages", text="")
    assert refused.status == 422
    assert refused.alert
    for page in (await ada.get(framed), refused):
        assert "frame-ancestors 'self'" in page.answer.headers["content-security-policy"]
    for path in ("", "/refreshing", "/without-scripts"):
        page = await ada.get(f"/conversations/{talk}{path}")
        assert "frame-ancestors 'none'" in page.answer.headers["content-security-policy"]
    await ada.post("/sign-out")
    over = await ada.post(
        f"/conversations/{talk}/messages", {"text": "kept", "key": "0123456789abcdef", "framed": "yes"}
    )
    assert over.status == 401
    assert "frame-ancestors 'self'" in over.answer.headers["content-security-policy"]
    assert '<base target="_top">' in over.text
    assert "kept" in over.text
