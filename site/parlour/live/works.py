"""Work that goes on for as long as the house is open, and is begun again should it ever fail."""

import asyncio
import logging
from collections.abc import Callable, Coroutine

log = logging.getLogger(__name__)

Work = Callable[[], Coroutine[object, object, None]]


class Works:
    """Keeps each piece of work going."""

    def __init__(self) -> None:
        self._tasks: dict[asyncio.Task[None], Work] = {}

    def start(self, *works: Work) -> None:
        for work in works:
            task = asyncio.create_task(work(), name=work.__name__)
            self._tasks[task] = work
            task.add_done_callback(self._ended)

    async def stop(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        work = self._tasks.pop(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("Work for the open pages failed.", exc_info=error)
            self.start(work)
