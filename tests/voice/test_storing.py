"""Where recordings are kept: a folder or an S3 store, and what happens while that cannot be reached."""

import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import obstore
import pytest

from browsing import ON_SQLITE
from conftest import OpenHouse
from parlour import db
from parlour.voice.store import Store
from parlour.voice.sweeping import sweep
from people import Person
from processes import free_ports
from refusals import check_refusal
from services import ObjectStore
from voice.voices import WEBM, packets, prepared, sources, speak, url_of

KEY = "0123456789abcdef"


@pytest.fixture(scope="module")
def bucket() -> Iterator[ObjectStore]:
    with ObjectStore() as server:
        yield server


async def names(bucket: ObjectStore) -> list[str]:
    return [found["path"] async for portion in obstore.list(bucket.store(), "voices") for found in portion]


async def test_recordings_may_be_kept_in_an_s3_store(
    open_house: OpenHouse, bucket: ObjectStore, tmp_path: Path
) -> None:
    async with Person(await open_house(storage_url=url_of(bucket))) as dee:
        await dee.sign_up("Dee")
        notes = await dee.meet("Dee")
        assert (await speak(dee, notes, WEBM.content, "far away")).status == 303
        [article] = await prepared(dee, notes)
        original, rendition = sources(article)
        heard = await dee.client.get(original)
        assert packets(heard.content) == packets(WEBM.content)
        part = await dee.client.get(rendition, headers={"range": "bytes=4-7"})
        assert (part.status_code, part.content) == (206, b"ftyp")
        tail = await dee.client.get(original, headers={"range": "bytes=-100"})
        assert tail.content == heard.content[-100:]
        assert len(await names(bucket)) == 2
        assert not (tmp_path / "recordings").exists()
        assert (await dee.post("/messages/1/delete")).status == 303
        assert await names(bucket) == []


@ON_SQLITE
async def test_while_the_store_is_down_text_goes_on_and_voice_says_so(
    open_house: OpenHouse, bucket: ObjectStore
) -> None:
    nobody = f"http://127.0.0.1:{free_ports(1)[0]}"
    async with Person(await open_house(storage_url=url_of(bucket, nobody))) as dee:
        await dee.sign_up("Dee")
        notes = await dee.meet("Dee")
        page = await speak(dee, notes, WEBM.content, "later then", key=KEY)
        check_refusal(page, 503, f"/conversations/{notes}/messages", text="later then", key=KEY)
        assert int(page.answer.headers["retry-after"]) >= 1
        assert (await dee.say(notes, "text goes on")).status == 303
        assert len((await dee.get(f"/conversations/{notes}")).articles) == 1


@pytest.fixture
async def dee(house: str) -> AsyncIterator[Person]:
    async with Person(house) as dee:
        yield await dee.sign_up("Dee")


async def test_what_belongs_to_no_message_is_swept_up_once_it_is_old(
    dee: Person, tmp_path: Path, database_url: str
) -> None:
    notes = await dee.meet("Dee")
    await speak(dee, notes, WEBM.content)
    await prepared(dee, notes)
    folder = tmp_path / "recordings"
    known = set(folder.iterdir())
    orphans = [folder / f"{'0' * 32}.webm", folder / f"{'0' * 32}.m4a", folder / f"{'1' * 32}.ogg#1"]
    for path in (*known, *orphans):
        path.touch()
        an_hour_ago = (datetime.now(UTC) - timedelta(hours=1)).timestamp()
        os.utime(path, (an_hour_ago, an_hour_ago))
    young = folder / f"{'2' * 32}.webm"
    young.touch()
    database = db.connect(database_url, lambda _events: None)
    await sweep(database, Store("", folder), 1800)
    await database.close()
    assert set(folder.iterdir()) == {*known, young}
