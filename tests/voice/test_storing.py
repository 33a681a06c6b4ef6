"""Where recordings are kept: a folder or an S3 store, and what happens while that cannot be reached."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import obstore
import pytest
from sqlalchemy import select

from browsing import ON_SQLITE
from conftest import OpenHouse
from parlour import db
from parlour.errors import Unavailable
from parlour.messages.editing import redraw
from parlour.pace import RightOfWay
from parlour.voice import store
from parlour.voice.formats import Kind
from parlour.voice.intake import Kept
from parlour.voice.missing import LOST_AT_MOST
from parlour.voice.models import Recording
from parlour.voice.recordings import keep
from parlour.voice.store import Store
from parlour.voice.sweeping import UNKNOWN_AT_MOST, begin_store, sweep
from people import Person
from processes import free_ports
from refusals import check_refusal
from services import ObjectStore
from voice.voices import PHONE, WAV, WEBM, packets, prepared, sources, speak, url_of

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
    await sweep(database, Store("", folder, RightOfWay()), 1800, redraw)
    await database.close()
    assert set(folder.iterdir()) == {*known, young}


async def test_what_was_removed_from_the_store_is_called_gone_until_it_is_there_again(
    dee: Person, tmp_path: Path, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    notes = await dee.meet("Dee")
    for content in (WEBM.content, PHONE.content):
        await speak(dee, notes, content)
    folder, elsewhere = tmp_path / "recordings", tmp_path / "elsewhere"
    addresses = [source for article in await prepared(dee, notes) for source in sources(article)]
    removed = {
        path.name: path.read_bytes() for path in folder.iterdir() if path.stem == await name_of(dee, addresses[0])
    }
    for name in removed:
        (folder / name).unlink()
    assert await both_ways(dee, addresses) == [404, 404, 200]

    database, kept_in = db.connect(database_url, lambda _events: None), Store("", folder, RightOfWay())
    folder.rename(elsewhere)
    assert await both_ways(dee, addresses) == [503, 503, 503], "a store that is not there has lost nothing"
    with pytest.raises(Unavailable):
        await sweep(database, kept_in, 0, redraw)
    assert (await speak(dee, notes, PHONE.content)).status == 503
    await begin_store(database, kept_in)
    assert not folder.exists(), "the next recording would be all that there is"
    assert "Mount it" in caplog.text
    assert "recording is gone" not in (await dee.get(f"/conversations/{notes}")).text
    elsewhere.rename(folder)
    for _ in range(2):
        await sweep(database, kept_in, 0, redraw)
    gone, there = (await dee.get(f"/conversations/{notes}")).articles
    assert "This recording is gone." in gone
    assert "<audio" not in gone
    assert sources(there) == addresses[2:]
    said = [record.getMessage() for record in caplog.records if "cannot be heard" in record.getMessage()]
    assert len(said) == 1, "whoever keeps the house is told once"
    assert next(iter(removed)).partition(".")[0] in said[0]

    original = next(name for name in removed if name.endswith("webm"))
    (folder / original).write_bytes(removed[original])
    await sweep(database, kept_in, 0, redraw)
    await database.close()
    assert "gone" not in (await dee.get(f"/conversations/{notes}")).text


@ON_SQLITE
async def test_a_store_that_has_only_what_came_lately_is_taken_for_the_wrong_one(
    dee: Person, tmp_path: Path, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    database, kept_in = db.connect(database_url, lambda _events: None), Store("", tmp_path / "recordings", RightOfWay())
    elsewhere = [Kept(f"{number:032}", Kind.M4A, "aac", 1.0, bytes(64), 1) for number in range(LOST_AT_MOST + 1)]
    async with database.transaction() as writing:
        await keep(writing, elsewhere)
    notes = await dee.meet("Dee")
    assert (await speak(dee, notes, PHONE.content)).status == 303
    await sweep(database, kept_in, 0, redraw)
    async with database.reading() as reading:
        gone = (await reading.execute(select(Recording.id).where(Recording.missing))).all()
    await database.close()
    assert not gone
    assert "taken for the wrong one" in caplog.text


async def both_ways(person: Person, addresses: list[str]) -> list[int]:
    """How the sounds are answered, which is the same whether one asks for them or only about them."""
    asked = [(await person.client.get(address)).status_code for address in addresses]
    assert [(await person.client.head(address)).status_code for address in addresses] == asked
    return asked


async def name_of(person: Person, address: str) -> str:
    """Under which name a recording is kept; it stands in its tag."""
    return (await person.client.head(address)).headers["etag"].strip('"').partition("-")[0]


@ON_SQLITE
async def test_a_bucket_tells_what_is_removed_from_what_cannot_be_reached(
    open_house: OpenHouse, bucket: ObjectStore
) -> None:
    async with Person(await open_house(storage_url=url_of(bucket))) as dee:
        await dee.sign_up("Dee")
        notes = await dee.meet("Dee")
        await speak(dee, notes, PHONE.content)
        [address] = sources((await prepared(dee, notes))[0])
        await bucket.store().delete_async(await names(bucket))
        assert await both_ways(dee, [address]) == [404]
        nowhere = Store(url_of(bucket).replace(f"@{bucket.bucket}/", "@nowhere/"), Path(), RightOfWay())
        with pytest.raises(Unavailable):
            await nowhere.open("a")


@ON_SQLITE
async def test_what_others_keep_there_stays_and_what_a_rendition_left_goes(
    dee: Person, tmp_path: Path, database_url: str
) -> None:
    notes = await dee.meet("Dee")
    await speak(dee, notes, PHONE.content)
    await prepared(dee, notes)
    folder = tmp_path / "recordings"
    [kept] = folder.iterdir()
    others = [folder / "backup.sql", folder / "photos" / "cat.jpg", folder / f"{'0' * 31}.ogg"]
    left = [kept.with_suffix(".webm"), folder / f"{'0' * 32}.ogg"]
    for path in (*others, *left):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    await swept(database_url, folder)
    assert {path for path in folder.rglob("*") if path.is_file()} == {kept, *others}


@ON_SQLITE
async def test_the_store_of_another_house_is_let_be(
    dee: Person, tmp_path: Path, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    notes = await dee.meet("Dee")
    await speak(dee, notes, PHONE.content)
    folder = tmp_path / "recordings"
    theirs = {folder / f"{number:032x}.m4a" for number in range(UNKNOWN_AT_MOST + 1)}
    for path in theirs:
        path.touch()
    await swept(database_url, folder)
    assert theirs < set(folder.iterdir())
    assert "nothing is removed" in caplog.text


@ON_SQLITE
async def test_what_was_cut_in_the_store_is_called_gone_until_it_is_whole_again(
    dee: Person, tmp_path: Path, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    notes = await dee.meet("Dee")
    await speak(dee, notes, WAV.content)
    [address] = sources((await prepared(dee, notes))[0])
    folder = tmp_path / "recordings"
    [kept] = folder.iterdir()
    content = kept.read_bytes()
    kept.write_bytes(content[: len(content) - 1000])
    with pytest.raises(httpx.RemoteProtocolError):
        await dee.client.get(address)
    assert "Traceback" not in caplog.text
    kept.write_bytes(b"")
    assert await both_ways(dee, [address]) == [503]
    await swept(database_url, folder)
    assert "This recording is gone." in (await dee.get(f"/conversations/{notes}")).text
    kept.write_bytes(content)
    await swept(database_url, folder)
    assert "gone" not in (await dee.get(f"/conversations/{notes}")).text
    assert (await dee.client.get(address)).content == content


@ON_SQLITE
async def test_nobody_waits_long_for_a_store_that_says_nothing(
    open_house: OpenHouse, bucket: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        silenced(bucket) as (endpoint, be_silent),
        Person(await open_house(storage_url=url_of(bucket, endpoint))) as dee,
    ):
        await dee.sign_up("Dee")
        notes = await dee.meet("Dee")
        await speak(dee, notes, PHONE.content)
        [address] = sources((await prepared(dee, notes))[0])
        monkeypatch.setattr(store, "ANSWER_WITHIN_S", 0.3)
        monkeypatch.setattr(store, "KEEP_WITHIN_S", 0.0)
        be_silent()
        assert await both_ways(dee, [address]) == [503]
        assert (await speak(dee, notes, PHONE.content)).status == 503
        monkeypatch.setattr(store, "ANSWER_WITHIN_S", 3600.0)
        assert (await dee.post("/messages/1/delete")).status == 303


@asynccontextmanager
async def silenced(bucket: ObjectStore) -> AsyncIterator[tuple[str, Callable[[], None]]]:
    """Another address of the store, and what makes it say nothing from then on, without a word."""
    silent = asyncio.Event()
    lines: set[asyncio.StreamWriter] = set()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            if not silent.is_set():
                writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = bucket.endpoint.rpartition("//")[2].partition(":")
        there, back = await asyncio.open_connection(host, int(port))
        lines.update((writer, back))
        await asyncio.gather(pass_on(reader, back), pass_on(there, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", silent.set
    server.close()
    for line in lines:
        line.transport.abort()


async def swept(database_url: str, folder: Path) -> None:
    """After the next sweep, for which everything is old enough."""
    database = db.connect(database_url, lambda _events: None)
    await sweep(database, Store("", folder, RightOfWay()), 0, redraw)
    await database.close()
