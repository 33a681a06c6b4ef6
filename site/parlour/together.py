"""Looks many things up at once: whoever asks while a look is under way shares the next one."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

Key = TypeVar("Key")
Found = TypeVar("Found")

KEYS_AT_ONCE = 200
# The event loop's turns in which nobody looks anything up, after which nobody is thought to be on their way from
# one look to the next.
IDLE_TURNS = 4


class Together(Generic[Key, Found]):
    """Answers each question with what was looked up after it was asked; nothing is kept.

    `look` gets the keys, each one once, and gives what it found by key. When the house is quiet this is one look for
    each question; when it is busy, one look answers many.
    """

    def __init__(self, look: Callable[[Sequence[Key]], Awaitable[Mapping[Key, Found]]]) -> None:
        self._look = look
        self._waiting: dict[Key, list[asyncio.Future[Found | None]]] = {}
        self.looking: asyncio.Task[None] | None = None  # as long as somebody waits here

    async def find(self, key: Key) -> Found | None:
        """What there is by that key. Raises what `look` raises."""
        answer: asyncio.Future[Found | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(answer)
        if self.looking is None:
            self.looking = asyncio.create_task(self._answer_all(), name="together")
        return await answer

    async def _answer_all(self) -> None:
        try:
            while self._waiting:
                keys = list(self._waiting)[:KEYS_AT_ONCE]
                asked = {key: self._waiting.pop(key) for key in keys}
                [found] = await asyncio.gather(self._look(keys), return_exceptions=True)
                for key, answers in asked.items():
                    for answer in answers:
                        if answer.done():  # whoever asked may have gone
                            continue
                        if isinstance(found, BaseException):
                            answer.set_exception(found)
                        else:
                            answer.set_result(found.get(key))
        finally:
            self.looking = None


class Stage(Protocol):
    """A look that many share."""

    @property
    def looking(self) -> asyncio.Task[None] | None:
        """What ends once nobody waits for the look any more."""


class Arrivals:
    """Those who are on their way to a door, which leads through these looks."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self._stages = stages

    async def all_in(self, at_most_s: float) -> None:
        """Waits until nobody is on the way; where somebody always is, for `at_most_s` seconds."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + at_most_s
        idle = 0
        while idle < IDLE_TURNS and (left_s := give_up_at - loop.time()) > 0:
            if looking := [stage.looking for stage in self._stages if stage.looking]:
                await asyncio.wait(looking, timeout=left_s)
                idle = 0
            else:
                await asyncio.sleep(0)
                idle += 1
