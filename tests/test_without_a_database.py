"""While the database is gone nobody can be known; what they typed is in the form all the same, to be sent later."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import asyncpg
import pytest

from conftest import OpenHouse, migrated
from line import line_to
from parlour import health
from people import PASSWORD, Fields, Page, Person
from processes import free_ports
from refusals import check_refusal
from services import Postgres
from voice.voices import PHONE

TYPED = "<b>kept</b> & 'whole'\n\"js:1\""
PATIENCE_S = 15


class Way:
    """The way to the database; while it is closed, the database is as good as stopped."""

    def __init__(self, server_port: int) -> None:
        self._server_port, self.port = server_port, free_ports(1)[0]
        self._line = AsyncExitStack()

    async def open(self) -> None:
        await self._line.enter_async_context(line_to(self._server_port, self.port))

    async def close(self) -> None:
        await self._line.aclose()


@pytest.fixture
async def way(postgres: Postgres) -> AsyncIterator[Way]:
    made = Way(postgres.port)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def database_url(postgres: Postgres, way: Way) -> AsyncIterator[str]:
    """PostgreSQL alone: what is embedded does not go away."""
    async with postgres.database(await migrated(postgres)) as url:
        yield url.replace(f":{postgres.port}/", f":{way.port}/")


def check_kept(page: Page, action: str, button: str, sent: Fields, status: int = 503) -> Fields:
    """The form as it was sent, with a button; its fields."""
    check_refusal(page, status)
    assert page.answer.headers["cache-control"] == "no-store"
    fields = page.form(action).fields
    assert {name: fields.get(name) for name in sent} == sent
    assert re.search(f"<button[^>]*>.*{button}", page.text)
    assert "<b>kept" not in page.text
    if status == 503:
        assert int(page.answer.headers["retry-after"]) >= 1
    return fields


async def send(person: Person, path: str, fields: Fields) -> Page:
    """Presses the button until the database is there again."""
    async with asyncio.timeout(PATIENCE_S):
        while (page := await person.post(path, fields)).status == 503:
            pass
    return page


async def test_what_was_typed_while_the_database_is_gone_is_sent_when_it_is_back(
    ada: Person, talk: int, way: Way
) -> None:
    first = re.findall(r"message-(\d+)", (await ada.say_live(talk, "first")).text)[0]
    posting, editing, start = f"/conversations/{talk}/messages", f"/messages/{first}/edit", "/conversations"
    deleting = f"/messages/{first}/delete"
    composer = (await ada.get(f"/conversations/{talk}")).form(posting).fields
    changing = (await ada.get(f"{editing}")).form(editing).fields
    composer.pop("recording")
    composer |= {"text": TYPED}
    changing |= {"text": f"edited {TYPED}"}
    newcomer = {"username": "Dee", "password": PASSWORD, "token": composer["token"]}
    named = newcomer | {"password": ""}

    await way.close()
    posted = check_kept(await ada.post(posting, composer), posting, "Send", composer)
    edited = check_kept(await ada.post(editing, changing), editing, "Save", changing)
    check_kept(await ada.post("/sign-up", newcomer), "/sign-up", "Create account", named)
    check_kept(await ada.post("/sign-in", newcomer), "/sign-in", "Sign in", named)
    token = {"token": composer["token"]}
    check_kept(await ada.post(deleting, token), deleting, "Send again", token)
    assert 'value="Bo"' in (await ada.post(start, token | {"username": "Bo"})).text
    framed = composer | {"framed": "yes"}
    check_kept(await ada.post(posting, framed), posting, "Send", framed)

    # In parts, with a file, without a word of where it came from, as text browsers send it.
    parts = {name: (None, value.encode()) for name, value in composer.items()}
    files = {**parts, "recording": ("phone.webm", PHONE.content)}
    del ada.client.headers["origin"]
    page = Page(await ada.client.post(posting, files=files))
    check_kept(page, posting, "Send", composer)
    assert "must be chosen again" in page.alert
    no_text = Page(await ada.client.post(posting, files=parts | {"text": (None, b"caf\xe9")}))
    check_kept(no_text, posting, "Send", composer | {"text": "caf\ufffd"}, status=422)

    # Another site's form is none of ours, and a script keeps by itself what it sends.
    for headers in ({"origin": "http://elsewhere.test"}, {"sec_fetch_site": "cross-site"}):
        foreign = await ada.post(posting, composer, **headers)
        check_refusal(foreign, 403)
        assert "kept" not in foreign.text
    scripted = await ada.post(posting, composer, hx_request="true", origin=ada.url)
    check_refusal(scripted, 503)
    assert [form.action for form in scripted.forms] == []

    await way.open()
    posted.pop("recording", None)
    for path, fields in ((posting, posted), (posting, posted), (editing, edited)):
        assert (await send(ada, path, fields)).status == 303
    articles = (await ada.get(f"/conversations/{talk}")).articles
    assert len(articles) == 2
    assert ["edited" in article for article in articles] == [True, False]
    assert "kept" in articles[0]
    assert "kept" in articles[1]


async def test_a_table_that_somebody_has_locked_is_not_ready_for_posts(
    open_house: OpenHouse, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "READY_WITHIN_S", 0.3)
    async with Person(await open_house()) as ada:
        other = await asyncpg.connect(database_url)
        for table in ("conversation", "message", "membership"):
            async with other.transaction():
                await other.execute(f"LOCK TABLE {table} IN SHARE MODE")
                check_refusal(await ada.get("/readyz"), 503)
            assert (await ada.get("/readyz")).text == "ok"
        await other.close()
