"""The unread feed: notice without a script, a cookie or a trace."""

import re
from xml.etree import ElementTree

import httpx
import pytest

from browsing import ON_SQLITE
from people import TRUSTED, Person

ATOM = "{http://www.w3.org/2005/Atom}"


async def feed_of(person: Person) -> str:
    """The feed's address, as the settings page links to it."""
    page = await person.get("/settings")
    found = re.search(r'<a href="(/feeds/[^"]+)"[^>]*>Unread feed</a>', page.text)
    assert found
    return found[1]


async def fetch(person: Person, path: str, **headers: str) -> httpx.Response:
    """As a feed reader does: no cookie, no origin."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx.AsyncClient(base_url=person.url, verify=TRUSTED) as reader:
        return await reader.get(path, headers=named)


def entries(answer: httpx.Response) -> list[tuple[str, str]]:
    """Title and content of each."""
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/atom+xml")
    feed = ElementTree.fromstring(answer.content)
    assert feed.tag == f"{ATOM}feed"
    assert all(feed.find(ATOM + name) is not None for name in ("id", "title", "updated"))
    return [
        (entry.findtext(f"{ATOM}title") or "", entry.findtext(f"{ATOM}content") or "")
        for entry in feed.iter(f"{ATOM}entry")
    ]


async def test_a_feed_tells_what_is_unread_and_reads_nothing(ada: Person, bo: Person, cy: Person, talk: int) -> None:
    path = await feed_of(bo)
    assert entries(await fetch(bo, path)) == []
    await ada.say(talk, "<b>first</b> & *foremost*\x0b")
    other = await cy.meet("Bo")
    await cy.say(other, "me too")
    for _ in range(2):
        first, second = entries(await fetch(bo, path))
        assert first == ("Cy (1 unread)", "me too")
        assert second[0] == "Ada (1 unread)"
        assert second[1].startswith("<b>first</b> & foremost")
    assert "1 <span" in (await bo.get("/")).text, "nothing is read by it"
    await bo.get(f"/conversations/{talk}")
    assert [title for title, _ in entries(await fetch(bo, path))] == ["Cy (1 unread)"]
    assert entries(await fetch(ada, await feed_of(ada))) == []


@ON_SQLITE
@pytest.mark.parametrize(
    ("shows", "title", "body"), [("sender", "Ada", "New message"), ("message", "Parlour", "New message")]
)
async def test_a_feed_shows_no_more_than_notifications_do(
    ada: Person, bo: Person, talk: int, shows: str, title: str, body: str
) -> None:
    await bo.post("/settings", {"show": shows})
    await ada.say(talk, "for your eyes only")
    answer = await fetch(bo, await feed_of(bo))
    assert entries(answer) == [(f"{title} (1 unread)", body)]
    assert "eyes" not in answer.text
    assert ("Ada" in answer.text) == (shows == "sender")


@ON_SQLITE
async def test_a_new_address_ends_the_old_one_and_nobody_can_guess_one(ada: Person, bo: Person) -> None:
    old = await feed_of(bo)
    assert await feed_of(ada) != old
    answer = await bo.submit("/settings", "/settings/feed")
    assert answer.status == 303
    new = await feed_of(bo)
    assert (await fetch(bo, new)).status_code == 200
    for wrong in (old, new[:-1], new + "0", new.replace("-", "-0"), "/feeds/2-", "/feeds/9-" + new.rpartition("-")[2]):
        assert (await fetch(bo, wrong)).status_code == 404, wrong
    assert (await bo.post("/settings", {"show": "all of it"})).status == 422


@ON_SQLITE
async def test_a_feed_that_has_not_changed_is_not_sent_again(ada: Person, bo: Person, talk: int) -> None:
    path = await feed_of(bo)
    tag = (await fetch(bo, path)).headers["etag"]
    again = await fetch(bo, path, if_none_match=tag)
    assert (again.status_code, again.content) == (304, b"")
    await ada.say(talk, "news")
    assert (await fetch(bo, path, if_none_match=tag)).status_code == 200
