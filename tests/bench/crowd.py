"""The people who talk: signed up and brought together through the front door, then each with an open page."""

import asyncio
import secrets
from typing import NamedTuple

from bench.house import House
from bench.lines import Counter, Page, rows
from bench.tally import Tally
from people import Person

AT_ONCE = 8  # people who sign up side by side
# Names of plain syllables: nothing in them looks like something else, so none is refused as another's twin.
SYLLABLES = [consonant + vowel for consonant in "bdfgkmprst" for vowel in "aeu"]
PATIENCE_S = 60


class Member(NamedTuple):
    """Somebody who is signed in and belongs to a conversation."""

    cookie: str
    conversation: int


async def gather_pairs(url: str, count: int) -> list[tuple[Member, Member]]:
    """So many new pairs of people, each with its conversation."""
    prefix = "".join(secrets.choice(SYLLABLES) for _ in range(4))
    door = asyncio.Semaphore(AT_ONCE)

    async def pair(number: int) -> tuple[Member, Member]:
        async with door, Person(url) as one, Person(url) as other:
            await one.sign_up(f"{prefix}-{_syllables(2 * number)}")
            await other.sign_up(f"{prefix}-{_syllables(2 * number + 1)}")
            talk = await one.meet(other.name)
            return Member(one.cookie, talk), Member(other.cookie, talk)

    return await asyncio.gather(*map(pair, range(count)))


def _syllables(number: int) -> str:
    parts = []
    for _ in range(3):
        number, rest = divmod(number, len(SYLLABLES))
        parts.append(SYLLABLES[rest])
    return "".join(parts)


class Poster:
    """A member with an open page and a connection to post over."""

    def __init__(self, house: House, tally: Tally, number: int, member: Member) -> None:
        self.number, self.member = number, member
        self._port, self._host = house.port, f"127.0.0.1:{house.port}"
        self._tally = tally
        self._said = 0
        self._counter: Counter | None = None
        self._turn = asyncio.Lock()  # one waits for one's last answer before one sends again

    async def open_page(self) -> None:
        """Opens the conversation's page, at its end, and waits until the line is live."""
        talk = self.member.conversation
        self._tally.expect(talk, self.number)
        loop = asyncio.get_running_loop()
        _, self.page = await loop.create_connection(
            lambda: Page(lambda row, at: self._tally.heard(talk, self.number, row, at)), "127.0.0.1", self._port
        )
        self.page.open(self._host, self.member.cookie, talk, after=0)
        async with asyncio.timeout(PATIENCE_S):
            await self.page.greeted

    async def post(self, due: float) -> bool:
        """Says the next thing. Whether it was answered with its row."""
        async with self._turn:
            self._said += 1
            number = self._said
            self._tally.due(self.number, number, due)
            text = f"m{self.number}x{number}m+the+*kettle*+sings,+and+tea+is+ready+when+you+are"
            body = f"text={text}&key={secrets.token_urlsafe(16)}&after={self.page.after}"
            counter = self._counter or await self._open_counter()
            path = f"/conversations/{self.member.conversation}/messages"
            async with asyncio.timeout(PATIENCE_S):
                answer = await counter.post(self._host, self.member.cookie, path, body.encode())
            own = [row for row in rows(answer.body) if (row.sender, row.number) == (self.number, number)]
            for row in own:
                self._tally.stored(self.member.conversation, row)
            return answer.status == 200 and bool(own)

    async def _open_counter(self) -> Counter:
        _, self._counter = await asyncio.get_running_loop().create_connection(Counter, "127.0.0.1", self._port)
        return self._counter

    def leave(self) -> None:
        self.page.transport.close()
        if self._counter:
            self._counter.transport.close()
