"""Looks many things up at once: whoever asks while a look is under way shares the next one."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

Key = TypeVar("Key")
Found = TypeVar("Found")

KEYS_AT_ONCE = 200


class Together(Generic[Key, Found]):
    """Answers each question with what was looked up after it was asked; nothing is kept.

    `look` gets the keys, each one once, and gives what it found by key. When the house is quiet this is one look for
    each question; when it is busy, one look answers many.
    """

    def __init__(self, look: Callable[[Sequence[Key]], Awaitable[Mapping[Key, Found]]]) -> None:
        self._look = look
        self._waiting: dict[Key, list[asyncio.Future[Found | None]]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def find(self, key: Key) -> Found | None:
        """What there is by that key. Raises what `look` raises."""
        answer: asyncio.Future[Found | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(answer)
        if self._looking is None:
            self._looking = asyncio.create_task(self._answer_all(), name="together")
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
            self._looking = None
