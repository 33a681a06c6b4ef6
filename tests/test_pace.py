"""What comes at once is spread over a short while, and whoever comes alone waits for nobody."""

import asyncio

from parlour.pace import Pace

EVERY_S, WITHIN_S = 0.01, 0.05


async def test_many_at_once_come_one_after_the_other_and_none_waits_for_long() -> None:
    loop, pace = asyncio.get_running_loop(), Pace(EVERY_S, WITHIN_S)
    begun = loop.time()
    came: list[float] = []

    async def come() -> None:
        await pace.wait()
        came.append(loop.time() - begun)

    await come()
    assert came[0] < WITHIN_S
    await asyncio.gather(*(come() for _ in range(20)))
    early = [at for at in came[1:] if at < WITHIN_S - EVERY_S / 2]
    assert len(early) <= WITHIN_S / EVERY_S
    assert max(came) >= WITHIN_S
