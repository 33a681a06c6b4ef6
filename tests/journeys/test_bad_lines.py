"""Lines are cut, hang and come back, servers are killed; what was said is there once, in order, on every page."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.async_api import expect

from browsing import ON_SQLITE, Door, Pair, Seat, expect_agreement
from conftest import OpenHouse
from killing import KillableHouse
from line import Line, line_to
from processes import free_ports

POST = b"POST /conversations/"
SAID_WITHIN_MS = 5_000  # "Reconnecting…", after a line was closed
SILENCE_MS = 45_000  # after which an open line counts as dead


class Lined(NamedTuple):
    """Ada and Bo behind a line that the test can cut."""

    line: Line
    pair: Pair


@pytest.fixture
async def lined(open_house: OpenHouse, seat: Seat) -> AsyncIterator[Lined]:
    server_port, port = free_ports(2)
    url = f"http://127.0.0.1:{port}"
    await open_house(port=server_port, base_url=url)
    async with line_to(server_port, port) as line:
        pair = await seat(url)
        for visitor in (pair.ada, pair.bo):
            visitor.means_cuts()
        yield Lined(line, pair)
        line.go_on()
        await pair.ada.context.close()
        await pair.bo.context.close()


async def test_what_ada_says_offline_waits_and_what_bo_says_meanwhile_comes(pair: Pair, database_url: str) -> None:
    ada, bo, conversation = pair
    ada.means_cuts()
    await ada.say("before")
    await expect(bo.texts).to_have_text(["before"])
    await ada.context.set_offline(True)
    await ada.say("from under ground")
    await ada.say("and again")
    await expect(ada.outbox.get_by_role("listitem")).to_contain_text(["from under ground", "and again"])
    await expect(ada.texts).to_have_text(["before"])
    await expect(ada.box).to_be_enabled()
    await bo.say("where are you?")
    await expect(bo.texts).to_have_text(["before", "where are you?"])
    await ada.context.set_offline(False)
    texts = ["before", "where are you?", "from under ground", "and again"]
    await expect_agreement(database_url, conversation, [ada.page, bo.page], texts)
    await expect(ada.outbox).to_be_hidden()


async def test_what_waits_survives_the_page_that_it_was_written_on(pair: Pair, database_url: str) -> None:
    ada, bo, conversation = pair
    ada.means_cuts()
    await ada.context.set_offline(True)
    await ada.say("not lost")
    await expect(ada.outbox.get_by_role("listitem")).to_contain_text(["not lost"])
    await ada.page.close()
    await ada.new_tab()
    await ada.context.set_offline(False)
    await ada.go("/")
    await ada.go(f"/conversations/{conversation}")
    await expect_agreement(database_url, conversation, [ada.page, bo.page], ["not lost"])


async def test_a_server_that_is_killed_between_two_messages_loses_none(
    database_url: str, tmp_path: Path, door: Door, seat: Seat
) -> None:
    with KillableHouse(tmp_path, database_url) as house:
        ada, bo, conversation = await seat(house.url)
        for visitor in (ada, bo):
            visitor.means_cuts()
        await ada.say("before the storm")
        await expect_agreement(database_url, conversation, [ada.page, bo.page], ["before the storm"])
        house.kill()
        for visitor in (ada, bo):
            await expect(visitor.status).to_have_text("Reconnecting…", timeout=SAID_WITHIN_MS)
        await ada.say("into the dark")
        await bo.box.fill("half a thou")
        await expect(ada.outbox.get_by_role("listitem")).to_contain_text(["into the dark"])
        house.start()
        for visitor in (ada, bo):
            await expect(visitor.status).to_have_text("")
        await expect(bo.texts).to_have_text(["before the storm", "into the dark"])
        await expect(bo.box).to_have_value("half a thou")
        await bo.say("I am here")
        texts = ["before the storm", "into the dark", "I am here"]
        await expect_agreement(database_url, conversation, [ada.page, bo.page], texts)
        await ada.context.close()
        await bo.context.close()


async def test_an_answer_lost_on_the_way_stores_nothing_twice(lined: Lined, database_url: str) -> None:
    ada, bo, conversation = lined.pair
    await ada.say("first")
    await expect(bo.texts).to_have_text(["first"])
    lined.line.lose_answer_to(POST)
    await ada.say("stored, but who knows?")
    await lined.line.lost.wait()
    await ada.say("next")
    texts = ["first", "stored, but who knows?", "next"]
    await expect_agreement(database_url, conversation, [ada.page, bo.page], texts)


async def test_a_post_lost_on_the_way_is_sent_again(lined: Lined, database_url: str) -> None:
    ada, bo, conversation = lined.pair
    lined.line.lose_request(POST)
    await ada.say("into the air")
    await lined.line.lost.wait()
    await bo.say("from the other side")
    await expect(ada.texts).to_have_count(2)
    await expect(bo.texts).to_have_count(2)
    texts = await bo.texts.all_inner_texts()
    assert sorted(texts) == ["from the other side", "into the air"]
    await expect_agreement(database_url, conversation, [ada.page, bo.page], texts)


async def test_lines_that_are_cut_again_and_again_lose_nothing(lined: Lined, database_url: str) -> None:
    ada, bo, conversation = lined.pair
    said = [f"word {number}" for number in range(12)]
    for number, text in enumerate(said):
        await ada.say(text)
        if number % 3 == 0:
            lined.line.cut()
    await expect_agreement(database_url, conversation, [ada.page, bo.page], said)


@ON_SQLITE
async def test_a_line_on_which_nothing_comes_counts_as_cut(lined: Lined, database_url: str) -> None:
    ada, bo, conversation = lined.pair
    await bo.page.clock.install()
    await bo.page.reload()
    await ada.say("one")
    await expect(bo.texts).to_have_text(["one"])
    await expect(bo.status).to_have_text("")
    lined.line.hang()
    await bo.page.clock.fast_forward(SILENCE_MS)
    await expect(bo.status).to_have_text("Reconnecting…")
    lined.line.go_on()
    await expect(bo.status).to_have_text("")
    await ada.say("two")
    await expect_agreement(database_url, conversation, [ada.page, bo.page], ["one", "two"])
