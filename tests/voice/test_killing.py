"""The server is killed while somebody sends a recording: sent again, it is one message, and nothing else is left."""

import asyncio
import secrets
from pathlib import Path

from browsing import stored
from killing import KillableHouse
from people import PATIENCE_S, Person
from voice.voices import WEBM, Sending, packets, prepared, sources, speak


async def test_a_recording_survives_a_server_that_is_killed_while_it_comes(tmp_path: Path, database_url: str) -> None:
    with KillableHouse(tmp_path, database_url, PARLOUR_SWEEP_EVERY="2s") as house:
        async with Person(house.url) as ada:
            await ada.sign_up("Ada")
            notes = await ada.meet("Ada")
            for sent, share in enumerate((0.05, 0.5, 0.95, 1.0)):
                key = secrets.token_urlsafe(16)
                sending = Sending(ada, notes, WEBM.content, key)
                _, writer = await sending.send(round(len(sending.body) * share))
                if share == 1:
                    await wait_for_messages(database_url, notes, sent + 1)
                house.kill()
                writer.close()
                house.start()
                answer = await speak(ada, notes, WEBM.content, "a caption", key=key)
                assert answer.status == 303, answer.alert
                assert len(await stored(database_url, notes)) == sent + 1
            for article in await prepared(ada, notes):
                original, rendition = sources(article)
                assert packets((await ada.client.get(original)).content) == packets(WEBM.content)
                assert (await ada.client.get(rendition)).status_code == 200
            await wait_for_files(tmp_path / "recordings", 8)
            assert not [path for path in tmp_path.iterdir() if path.suffix == ".webm"]


async def wait_for_messages(database_url: str, talk: int, count: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while len(await stored(database_url, talk)) < count:
            await asyncio.sleep(0.01)


async def wait_for_files(folder: Path, count: int) -> None:
    """Until the sweep has left just so many."""
    async with asyncio.timeout(PATIENCE_S):
        while len(list(folder.iterdir())) != count:
            await asyncio.sleep(0.1)
