"""Looks many things up at once: whoever asks while a look is under way shares the next one."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
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

    def __init__(self, look: Callable[[Sequence[Key]], Coroutine[object, object, Mapping[Key, Found]]]) -> None:
        self._look = look
        self._waiting: dict[Key, list[asyncio.Future[Found | None]]] = {}
        self._task: asyncio.Task[Mapping[Key, Found]] | None = None
        self.looking: asyncio.Future[None] | None = None  # until the look that is under way is answered

    async def find(self, key: Key) -> Found | None:
        """What there is by that key. Raises what `look` raises."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Found | None] = loop.create_future()
        self._waiting.setdefault(key, []).append(answer)
        if self.looking is None:
            self.looking = loop.create_future()
            loop.call_soon(self._begin, self.looking)  # whoever asks in this turn shares it
        return await answer

    def _begin(self, looking: asyncio.Future[None]) -> None:
        keys = list(self._waiting)[:KEYS_AT_ONCE]
        asked = {key: self._waiting.pop(key) for key in keys}
        self._task = asyncio.create_task(self._look(keys), name="together")
        self._task.add_done_callback(partial(self._answer_all, asked, looking))

    def _answer_all(
        self,
        asked: Mapping[Key, list[asyncio.Future[Found | None]]],
        looking: asyncio.Future[None],
        look: asyncio.Task[Mapping[Key, Found]],
    ) -> None:
        self.looking = None
        if self._waiting:
            self.looking = asyncio.get_running_loop().create_future()
            self._begin(self.looking)
        failure = asyncio.CancelledError() if look.cancelled() else look.exception()
        for key, answers in asked.items():
            for answer in answers:
                if answer.done():  # whoever asked may have gone
                    continue
                if failure:
                    answer.set_exception(failure)
                else:
                    answer.set_result(look.result().get(key))
        looking.set_result(None)


class Stage(Protocol):
    """A look that many share."""

    @property
    def looking(self) -> asyncio.Future[None] | None:
        """Done once the look that is under way is answered; the next one begins before that."""


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
