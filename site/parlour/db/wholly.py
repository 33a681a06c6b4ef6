"""Work that is done to its end, whoever goes away meanwhile."""

import asyncio
from collections.abc import Coroutine


async def wholly(work: Coroutine[object, object, None]) -> None:
    """Does `work` to its end, also when whoever waits for it is cancelled; the cancellation goes on afterwards."""
    task = asyncio.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    error_of_work = task.exception()
    if cancelled:
        raise cancelled from error_of_work
