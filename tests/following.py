"""People without scripts who follow a live page, line by line."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from people import PATIENCE_S, Person


class Stream:
    """A live page that somebody follows, line by line."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.heard: list[str] = []
        self._lines = answer.aiter_lines()

    async def hear(self, wanted: str) -> str:
        """The next line that holds `wanted`."""
        async with asyncio.timeout(PATIENCE_S):
            async for line in self._lines:
                self.heard.append(line)
                if wanted in line:
                    return line
        raise AssertionError(f"the page ended without {wanted!r}: {self.heard[-3:]}")

    async def end(self) -> str:
        """All that comes up to the end."""
        async with asyncio.timeout(PATIENCE_S):
            self.heard += [line async for line in self._lines]
        return self.text

    @property
    def text(self) -> str:
        """All that was heard."""
        return "\n".join(self.heard)

    @property
    def messages(self) -> list[int]:
        """The ids of the messages that were shown, in that order."""
        return [int(found) for found in re.findall(r'<article id="message-(\d+)"', self.text)]


@asynccontextmanager
async def live(person: Person, path: str) -> AsyncIterator[Stream]:
    async with person.client.stream("GET", path) as answer:
        assert answer.status_code == 200
        yield Stream(answer)


async def change(person: Person, message: int, what: str, **fields: str) -> None:
    path = f"/messages/{message}/{what}"
    assert (await person.submit(path, path, **fields)).status == 303
