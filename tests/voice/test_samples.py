"""Every recording that a browser or a phone makes arrives whole: as long as it is, the same sound, and it seeks."""

import io
import re

import av

from people import Person
from voice.voices import EVERY_SAMPLE, WEBM, decoded_seconds, header_seconds, packets, prepared, sources, speak

NEAR_S = 0.06


async def test_every_sample_is_heard_as_long_as_it_is(ada: Person, bo: Person, talk: int) -> None:
    for sample in EVERY_SAMPLE:
        answer = await speak(ada, talk, sample.content, f"This is {sample.name}", name="misleading.txt")
        assert (answer.status, answer.answer.headers["location"]) == (303, f"/conversations/{talk}#latest")
    articles = await prepared(bo, talk)
    for sample, article in zip(EVERY_SAMPLE, articles, strict=True):
        first, *others = [await bo.client.get(source) for source in sources(article)]
        assert sources(article)[0].endswith(f".{sample.suffix}"), sample.name
        assert first.headers["content-type"] == sample.media_type
        assert packets(first.content) == packets(sample.content)
        assert [other.headers["content-type"] for other in others] == ["audio/mp4"] * (sample.suffix in ("webm", "ogg"))
        for heard in (first, *others):
            assert abs(header_seconds(heard.content) - sample.seconds) <= NEAR_S, sample.name
            assert abs(decoded_seconds(heard.content) - sample.seconds) <= NEAR_S, sample.name
            assert seeks(heard.content), sample.name
        assert f"This is {sample.name}" in article
        assert ">0:06<" in article if sample.seconds <= 6 else ">0:08<" in article
        assert len(re.findall(r"M\d+ \d+v\d+", article)) == 64
        assert "Not heard yet" in article


def seeks(content: bytes) -> bool:
    """Whether one can go to the middle, and hears what comes from there on."""
    with av.open(io.BytesIO(content), "r") as container:
        container.seek(4_000_000)
        packet = next(iter(container.demux(audio=0)))
        return packet.pts is not None and 2.9 <= packet.pts * packet.time_base <= 4.1


async def test_a_recording_needs_no_text_and_may_have_one(ada: Person, bo: Person, talk: int) -> None:
    assert (await speak(ada, talk, WEBM.content)).status == 303
    [article] = await prepared(bo, talk)
    assert 'class="text"' not in article
    assert "Voice message (0:06)" in (await bo.get("/")).text
    assert (await speak(ada, talk, WEBM.content, "on my *way*")).status == 303
    assert "You: Voice message (0:06) on my way" in (await ada.get("/")).text


async def test_a_form_without_a_chosen_file_is_a_text(ada: Person, talk: int) -> None:
    assert (await speak(ada, talk, b"", "just words", name="")).status == 303
    page = await ada.get(f"/conversations/{talk}")
    assert "just words" in page.articles[0]
    assert "voice-message" not in page.text


async def test_one_who_speaks_has_heard_it(ada: Person, talk: int) -> None:
    await speak(ada, talk, WEBM.content)
    assert "Not heard yet" not in (await prepared(ada, talk))[0]
