"""A page weighs next to nothing: what a first visit to a conversation costs on the wire, all in all."""

import re

import httpx

from people import Person

PAGE_BYTES = 60_000
SCRIPT_BYTES = 25_000
SUBRESOURCES = re.compile(r'<(?:script|link|use|img|source)\b[^>]*?(?:src|href)="(/[^"#]*)')


async def weigh(client: httpx.AsyncClient, path: str) -> int:
    """Bytes of an answer as it travels, its head among them."""
    async with client.stream("GET", path, headers={"accept-encoding": "gzip"}) as answer:
        assert answer.status_code == 200, path
        head = f"HTTP/1.1 {answer.status_code} {answer.reason_phrase}\r\n\r\n".encode()
        lines = sum(len(name) + len(value) + len(b": \r\n") for name, value in answer.headers.raw)
        return len(head) + lines + sum([len(chunk) async for chunk in answer.aiter_raw()])


async def test_a_conversation_with_fifty_messages_is_a_light_page(ada: Person, bo: Person, talk: int) -> None:
    for number in range(25):
        await ada.say(talk, f"This is what Ada has to say, for the {number}th time, in a sentence of usual length.")
        await bo.say(
            talk, f"And this is what Bo answers, **number {number}**, with a link: https://example.org/{number}"
        )
    path = f"/conversations/{talk}"
    page = await ada.get(path)
    assert len(page.articles) == 50
    parts = {part: await weigh(ada.client, part) for part in set(SUBRESOURCES.findall(page.text)) | {path}}
    scripts = sum(weight for part, weight in parts.items() if part.endswith(".js"))
    assert 0 < scripts <= SCRIPT_BYTES, parts
    assert sum(parts.values()) <= PAGE_BYTES, parts
