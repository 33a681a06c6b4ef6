"""A person in a terminal: text browsers sign in, read and post, and curl follows a conversation line by line."""

import asyncio
import re
from pathlib import Path

import pexpect
import pytest

from browsing import ON_SQLITE
from people import PASSWORD, PATIENCE_S, Person

pytestmark = ON_SQLITE

DOWN, ENTER, TAB, EMPTY_LINE = "\x1b[B", "\r", "\t", "\x15"
SCREEN = (60, 100)


class Terminal:
    """A program in a terminal of its own."""

    def __init__(self, *command: str, home: Path) -> None:
        environ = {"HOME": str(home), "TERM": "xterm", "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin:/usr/local/bin"}
        self._program = pexpect.spawn(
            command[0], list(command[1:]), env=environ, timeout=PATIENCE_S, encoding="utf-8", dimensions=SCREEN
        )

    async def see(self, text: str) -> None:
        await asyncio.to_thread(self._program.expect, text)

    async def type(self, *keys: str) -> None:
        for key in keys:
            await asyncio.to_thread(self._program.send, key)

    def close(self) -> None:
        self._program.close(force=True)


async def test_curl_follows_a_conversation_line_by_line(ada: Person, bo: Person, talk: int) -> None:
    await ada.say(talk, "before")
    command = ["curl", "-sN", "--cookie", bo.cookie, f"{bo.url}/conversations/{talk}/live"]
    curl = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert curl.stdout
    heard: list[str] = []
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not heard or "before" not in heard[-1]:
                heard.append((await curl.stdout.readline()).decode())
            for text in ("first", "second", "third"):
                await ada.say(talk, text)
                heard.append("")
                while "<article" not in heard[-1]:
                    heard.append((await curl.stdout.readline()).decode())
                words = re.sub("<[^>]*>", " ", heard[-1]).split()
                assert {"Ada", text} <= set(words)
    finally:
        curl.terminate()
        await curl.wait()


async def test_lynx_signs_in_reads_and_posts(house: str, ada: Person, bo: Person, talk: int, tmp_path: Path) -> None:
    said = ["hello from far away", *(f"word {number}" for number in range(30)), "hello from far away"]
    for text in said:  # more than the screen holds
        await bo.say(talk, text)
    lynx = Terminal("lynx", "-accept_all_cookies", "-nopause", f"{house}/sign-in", home=tmp_path)
    try:
        await lynx.see("Username")
        await lynx.type(DOWN, "Ada", DOWN, PASSWORD, DOWN, ENTER)
        await lynx.see("hello from far away")
        await lynx.type("g", f"{house}/conversations/{talk}", ENTER)
        await lynx.see("Live without scripts")
        await lynx.see("hello from far away")
        await lynx.see("Skip to writing")
        await lynx.type(ENTER)
        await lynx.see("Textarea")
        await lynx.type("and hello from lynx", DOWN, DOWN, DOWN, ENTER)
        await lynx.see("303 See Other")
        await lynx.see("and hello from lynx")
        await lynx.see("Jump to latest")
    finally:
        lynx.close()
    await expect_said(bo, talk, *said, "and hello from lynx")


async def test_what_only_scripts_can_use_is_not_on_the_page(ada: Person, talk: int, tmp_path: Path) -> None:
    await ada.say(talk, "my own")
    page = tmp_path / "page.html"
    page.write_text((await ada.get(f"/conversations/{talk}")).text)
    for command in (("lynx", "-dump", "-force_html"), ("w3m", "-dump", "-T", "text/html")):
        browser = await asyncio.create_subprocess_exec(*command, str(page), stdout=asyncio.subprocess.PIPE)
        shown = (await browser.communicate())[0].decode()
        assert "Audio file" in shown
        assert re.search(r"Mark unread from here\s+(\[\d+\])?Edit", shown), shown
        assert not re.search("Record|Pause|Undo|Discard|Speed|Unsent|New messages", shown), shown


async def test_w3m_signs_in_reads_and_posts(house: str, ada: Person, bo: Person, talk: int, tmp_path: Path) -> None:
    await bo.say(talk, "hello from far away")
    editor = tmp_path / "editor"  # w3m has a text written in a program of one's own
    editor.write_text("#!/bin/sh\nprintf 'and hello from w3m' > \"$1\"\n")
    editor.chmod(0o700)
    w3m = Terminal(
        "w3m", "-cookie", "-o", "accept_cookie=1", "-o", f"editor={editor}", f"{house}/sign-in", home=tmp_path
    )
    try:
        await w3m.see("Viewing <Sign in")
        await w3m.type(TAB, ENTER)
        await w3m.see("TEXT:")
        await w3m.type("Ada", ENTER, TAB, ENTER)
        await w3m.see("Password:")
        await w3m.type(PASSWORD, ENTER, TAB, ENTER)
        await w3m.see("hello from far away")
        await w3m.see("Viewing <")
        await w3m.type("U", EMPTY_LINE, f"{house}/conversations/{talk}", ENTER)
        await w3m.see("hello from far away")
        await w3m.see("Viewing <Bo")
        await w3m.type(ENTER)  # "Skip to writing"
        await w3m.see("Viewing <Bo")
        await w3m.type(TAB, ENTER)
        await w3m.see("and hello from")
        await w3m.type(TAB, TAB, TAB, ENTER)
        await w3m.see("303 See Other")
        await w3m.see("Viewing <Bo")
    finally:
        w3m.close()
    await expect_said(bo, talk, "hello from far away", "and hello from w3m")


async def expect_said(person: Person, talk: int, *texts: str) -> None:
    articles = (await person.get(f"/conversations/{talk}")).articles
    assert len(articles) == len(texts)
    for article, text in zip(articles, texts, strict=True):
        assert text in article


@pytest.fixture(autouse=True)
def names_are_quiet(quiet_log: None) -> None:
    """Nothing that a text browser sends is worth a line in the log."""
