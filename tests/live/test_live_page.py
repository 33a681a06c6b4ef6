"""The live page: an answer without an end that shows a conversation as it goes on, and needs no script."""

import asyncio
import re
from pathlib import Path

import pytest

from conftest import OpenHouse
from following import Stream, change, live
from killing import KillableHouse
from people import Person

pytestmark = pytest.mark.usefixtures("quiet_log")


def next_address(words: str) -> str:
    found = re.search(r'http-equiv="refresh" content="\d+; url=([^"]+)"', words)
    assert found, words[-400:]
    return found[1]


async def test_it_begins_with_the_newest_and_each_change_is_one_line(ada: Person, bo: Person, talk: int) -> None:
    await ada.say(talk, "before")
    async with live(bo, f"/conversations/{talk}/live") as page:
        headers = page.answer.headers
        assert headers["content-type"] == "text/html; charset=utf-8"
        assert headers["cache-control"] == "no-store"
        assert headers["x-accel-buffering"] == "no"
        assert "content-encoding" not in headers
        assert "frame-ancestors 'self'" in headers["content-security-policy"]
        assert "\u00a0" * 300 in await page.hear("\u00a0")
        assert "Ada" in await page.hear("before")
        await ada.say(talk, "first\n\n```\ncode\nin lines\n```")
        line = await page.hear("first")
        assert line.count("<article") == 1
        assert line.endswith("</article>")
        assert "code&#10;in lines" in line
        [_, message] = page.messages
        await change(ada, message, "edit", text="changed *since*")
        assert f'<a href="/messages/{message}">Edited: changed since</a>' in await page.hear("changed")
        await change(ada, message, "delete")
        assert f'<a href="/messages/{message}">Deleted: ' in await page.hear("Deleted")
        await bo.say(talk, "my own")
        assert "Sent" in await page.hear("my own")


async def test_it_goes_on_from_a_cursor_without_loss_or_doubling(open_house: OpenHouse) -> None:
    url = await open_house(live_page_rows=4)
    async with Person(url) as ada, Person(url) as bo:
        await ada.sign_up("Ada")
        await bo.sign_up("Bo")
        talk = await ada.meet("Bo")
        for number in range(10):
            await ada.say(talk, f"word {number}")
        address = f"/conversations/{talk}/live?after=0"
        shown: list[int] = []
        while len(shown) < 10:
            async with live(bo, address) as page:
                if len(shown) == 8:
                    await page.hear("word 9")
                    await ada.say(talk, "word 10")
                    await ada.say(talk, "word 11")
                words = await page.end()
                assert ">Reload</a>" in words
                assert words.rstrip().endswith("</html>")
                assert len(page.messages) == 4
                shown += page.messages
                address = next_address(words)
        assert shown == sorted(set(shown))
        assert len(shown) == 12


async def test_what_was_changed_before_anybody_saw_it_stands_where_it_was_said(open_house: OpenHouse) -> None:
    url = await open_house(live_page_rows=4)
    async with Person(url) as ada, Person(url) as bo:
        await ada.sign_up("Ada")
        await bo.sign_up("Bo")
        talk = await ada.meet("Bo")
        for number in range(6):
            await ada.say(talk, f"word {number}")
        [first, *_] = [
            int(found)
            for found in re.findall(r'<article id="message-(\d+)"', (await ada.get(f"/conversations/{talk}")).text)
        ]
        await ada.submit(f"/messages/{first}/edit", f"/messages/{first}/edit", text="word 0, better")
        address = f"/conversations/{talk}/live?after=0"
        shown: list[int] = []
        while len(shown) < 4:
            async with live(bo, address) as page:
                words = await page.end()
                shown += page.messages
                address = next_address(words)
        assert shown[0] == first
        async with live(bo, address) as page:
            await page.hear("word 5")
            shown += page.messages
        assert shown == sorted(set(shown))
        assert len(shown) == 6


async def test_it_goes_on_as_a_new_page_when_it_is_old(open_house: OpenHouse) -> None:
    url = await open_house(live_page_age_s=1)
    async with Person(url) as ada:
        await ada.sign_up("Ada")
        talk = await ada.meet("Ada")
        await ada.say(talk, "one")
        async with live(ada, f"/conversations/{talk}/live") as page:
            words = await page.end()
        assert len(page.messages) == 1
        assert next_address(words) == f"/conversations/{talk}/live?after=1"
        async with live(ada, next_address(words)) as page:
            await page.end()
        assert page.messages == []


async def test_what_it_shows_is_read(ada: Person, bo: Person, talk: int) -> None:
    await ada.say(talk, "one")
    await ada.say(talk, "two")
    await bo.client.head(f"/conversations/{talk}/live")
    async with bo.client.stream("GET", f"/conversations/{talk}/live", headers={"sec-purpose": "prefetch"}) as answer:
        page = Stream(answer)
        await page.hear("two")
        await ada.say(talk, "three")
        await page.hear("three")
    async with live(bo, "/inbox/live") as inbox:
        assert 'class="unread">3 ' in await inbox.hear('class="snapshot"')
        async with live(bo, f"/conversations/{talk}/live") as page:
            await page.hear("three")
            await inbox.hear("Nothing is unread")
            await ada.say(talk, "four")
            await page.hear("four")
            await inbox.hear('class="unread">1 ')
            await inbox.hear("Nothing is unread")


async def test_a_third_page_of_a_session_ends_the_oldest(ada: Person, bo: Person, talk: int) -> None:
    path = f"/conversations/{talk}/live"
    async with live(ada, path) as first, live(ada, path) as second:
        await first.hear("rows")
        await second.hear("rows")
        async with live(ada, path) as third:
            words = await first.end()
            assert "ended" in words
            assert f'href="{path}' in words
            assert "Reload</a>" in words
            assert 'http-equiv="refresh"' not in words
            await bo.say(talk, "still there?")
            await second.hear("still there?")
            await third.hear("still there?")


async def test_the_end_of_its_session_ends_it(ada: Person, bo: Person, talk: int) -> None:
    async with live(ada, f"/conversations/{talk}/live") as page, live(ada, "/inbox/live") as inbox:
        await page.hear("rows")
        await inbox.hear('class="snapshot"')
        async with asyncio.timeout(1):
            assert (await ada.post("/sign-out")).status == 303
            words = await page.end()
            assert "signed out" in await inbox.end()
        await bo.say(talk, "not for a session that is over")
        assert "You are signed out." in words
        assert 'href="/sign-in' in words
        assert "not for a session" not in words
        assert 'http-equiv="refresh"' not in words


async def test_each_frame_says_by_a_heading_what_it_is(ada: Person, talk: int) -> None:
    headings = {"/inbox/live": "Live inbox", f"/conversations/{talk}/live": "Live messages · Bo"}
    for path, heading in headings.items():
        async with ada.client.stream("GET", path) as answer:
            begun = await anext(answer.aiter_text())
        assert f'<h1 class="sr">{heading}</h1>' in begun
    composer = await ada.get(f"/conversations/{talk}/composer")
    assert '<h1 class="sr">Write to Bo</h1>' in composer.text


async def test_outsiders_find_nothing_and_who_is_signed_out_signs_in(ada: Person, cy: Person, talk: int) -> None:
    for path in (f"/conversations/{talk}/live", f"/conversations/{talk}/live?after=0"):
        theirs = await cy.get(path)
        nothing = await cy.get(path.replace(str(talk), "999", 1))
        assert theirs.status == 404
        assert theirs.answer.content == nothing.answer.content
        async with Person(ada.url) as visitor:
            answer = await visitor.get(path)
            assert answer.status == 303
            way = answer.answer.headers["location"]
            assert way.startswith("/sign-in?next=")
            door = await visitor.get(way)
            assert "frame-ancestors 'self'" in door.answer.headers["content-security-policy"]
            assert '<base target="_top">' in door.text
            assert door.form("/sign-in").fields["next"] == f"/conversations/{talk}"
    for after in ("x", "-1", "", "1.5"):
        assert (await ada.get(f"/conversations/{talk}/live?after={after}")).status == 422


async def test_a_cursor_of_another_time_begins_anew(ada: Person, talk: int) -> None:
    await ada.say(talk, "all there is")
    for after in ("99", "9" * 30):
        async with live(ada, f"/conversations/{talk}/live?after={after}") as page:
            await page.hear("all there is")
    async with live(ada, f"/conversations/{talk}/live?around=0") as page:
        await page.hear("all there is")
        assert len(page.messages) == 1


async def test_the_live_inbox_counts(ada: Person, bo: Person, cy: Person, talk: int) -> None:
    await ada.say(talk, "one")
    async with live(bo, "/inbox/live") as inbox:
        assert 'class="unread">1 ' in await inbox.hear('class="snapshot"')
        await ada.say(talk, "two")
        line = await inbox.hear('class="snapshot"')
        assert 'class="unread">2 ' in line
        assert "two" in line
        await bo.get(f"/conversations/{talk}")
        assert "unread" not in (await inbox.hear('class="snapshot"')).replace("is unread", "")
        other = await cy.meet("Bo")
        await cy.say(other, "hello")
        assert "Cy" in await inbox.hear("hello")


async def test_it_is_told_that_the_server_stops_and_comes_back(database_url: str, tmp_path: Path) -> None:
    with KillableHouse(tmp_path, database_url) as house:
        async with Person(house.url) as ada:
            await ada.sign_up("Ada")
            talk = await ada.meet("Ada")
            await ada.say(talk, "before")
            async with live(ada, f"/conversations/{talk}/live") as page:
                await page.hear("before")
                await asyncio.to_thread(house.end)
                words = await page.end()
            house.start()
            await ada.say(talk, "said since")
            assert next_address(words) == f"/conversations/{talk}/live?after=1"
            async with live(ada, next_address(words)) as page:
                await page.hear("said since")
            assert len(page.messages) == 1


async def test_how_far_ones_own_messages_have_come_is_told(ada: Person, bo: Person, talk: int) -> None:
    async with live(ada, f"/conversations/{talk}/live") as page:
        await page.hear("rows")
        await ada.say(talk, "are you there?")
        await page.hear("are you there?")
        await bo.get("/")
        await page.hear('class="marked delivered"')
        await bo.get(f"/conversations/{talk}")
        await page.hear('class="marked read"')
