"""What every answer carries: the policy and its companions, cookies that stay ours, and pages in few bytes."""

import re
from http.cookies import SimpleCookie
from pathlib import Path

import httpx
import pytest

from browsing import ON_SQLITE
from conftest import OpenHouse
from parlour.conversations import routes as conversations
from parlour.rates import Rate
from people import PASSWORD, TRUSTED, Person

pytestmark = ON_SQLITE

KEY = "0123456789abcdef"
DIRECTIVES = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
SECURE = {"host": "chat.example.org", "origin": "https://chat.example.org"}


async def every_answer(ada: Person, talk: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, httpx.Response]:
    """An answer of each status that a page can have."""
    ask = ada.client.request
    answers = {
        "200 inbox": await ask("GET", "/"),
        "200 conversation": await ask("GET", f"/conversations/{talk}"),
        "200 earlier rows": await ask("GET", f"/conversations/{talk}?before=1", headers={"hx-request": "true"}),
        "200 fragments": (await ada.say_live(talk, "hello", after=0)).answer,
        "303 posted": (await ada.say(talk, "hello")).answer,
        "403 foreign": await ask("POST", "/sign-out", headers={"origin": "null"}),
        "404 nowhere": await ask("GET", "/nowhere"),
        "404 asset": await ask("GET", "/assets/app.css"),
        "405 method": await ask("PUT", "/settings"),
        "405 on a form's address": await ask("GET", "/sign-out"),
        "413 body": await ask("POST", f"/conversations/{talk}/messages", data={"text": "x" * 300_000}),
        "415 body": await ask("POST", f"/conversations/{talk}/messages", json={"text": "hello"}),
        "400 multipart": await ask(
            "POST", "/conversations", content=b"--x", headers={"content-type": "multipart/form-data; boundary=x"}
        ),
        "422 empty": await ask("POST", f"/conversations/{talk}/messages", data={"text": "", "key": KEY}),
        "422 place": await ask("GET", f"/conversations/{talk}?before=x"),
        "429 posts": (await ada.say(talk, "too much")).answer,
    }
    monkeypatch.setattr(conversations, "find_people", None)
    answers["500 failure"] = await ask("GET", "/people")
    async with Person(ada.url) as stranger:
        answers["200 sign in"] = (await stranger.get("/sign-in")).answer
        answers["303 sign in"] = (await stranger.get("/")).answer
        answers["401 form"] = (await stranger.post("/sign-out")).answer
        answers["401 sign in"] = (await stranger.sign_in("Ada", "a wrong password")).answer
        answers["409 name"] = (await stranger.submit("/sign-up", "/sign-up", username="ADA", password=PASSWORD)).answer
        answers["404 unsigned"] = await stranger.client.get("/assets/nothing.css")
    return answers


@pytest.fixture
async def strict_house(open_house: OpenHouse) -> str:
    return await open_house(rate_posts=Rate(2, 60))


@pytest.fixture
async def answers(strict_house: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, httpx.Response]:
    async with Person(strict_house) as ada:
        await ada.sign_up("Ada")
        return await every_answer(ada, await ada.meet("Ada"), monkeypatch)


async def test_every_answer_carries_the_policy_and_its_companions(answers: dict[str, httpx.Response]) -> None:
    for name, answer in answers.items():
        assert answer.status_code == int(name[:3]), name
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
        assert policy | DIRECTIVES == policy, name
        assert not re.search("unsafe|http:|https:|data:|[*]", answer.headers["content-security-policy"]), name
        assert answer.headers["x-content-type-options"] == "nosniff", name
        assert answer.headers["referrer-policy"] == "same-origin", name
        assert "microphone=(self)" in answer.headers["permissions-policy"], name
        assert answer.headers["cache-control"] == "no-store", name
        assert not {"server", "x-powered-by", "strict-transport-security"} & set(answer.headers), name


async def test_every_refusal_is_a_page_with_one_sentence(answers: dict[str, httpx.Response]) -> None:
    for name, answer in answers.items():
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "text/html; charset=utf-8", name
            said = re.findall(r'role="alert">\s*([^<]+?)\s*<', answer.text)
            assert len(said) == 1, name
            assert re.fullmatch(r"[A-Z].*\.", said[0]), name
            assert not re.search("Traceback|Error|NoneType|site-packages|SELECT", answer.text), name


async def test_a_refused_method_says_which_there_are(answers: dict[str, httpx.Response]) -> None:
    assert "GET" in answers["405 method"].headers["allow"]
    assert "POST" in answers["405 on a form's address"].headers["allow"]
    assert int(answers["429 posts"].headers["retry-after"]) in range(1, 61)


async def test_pages_are_compressed_for_those_who_take_it(ada: Person, talk: int) -> None:
    path = f"/conversations/{talk}"
    plain = await ada.client.get(path, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.headers["vary"].lower() == "accept-encoding"
    for offer in ("gzip", "gzip, deflate, br, zstd", "br;q=1.0, GZIP;q=0.5"):
        zipped = await ada.client.get(path, headers={"accept-encoding": offer})
        assert zipped.headers["content-encoding"] == "gzip", offer
        assert zipped.headers["vary"].lower() == "accept-encoding"
        assert int(zipped.headers["content-length"]) < len(plain.content) / 2
        assert "</html>" in zipped.text
    for offer in ("", "br", "gzip;q=0", "gzip; q=0.000", "x-gzip-not"):
        answer = await ada.client.get(path, headers={"accept-encoding": offer})
        assert "content-encoding" not in answer.headers, offer


async def test_small_answers_are_not_worth_compressing(ada: Person, talk: int) -> None:
    answer = await ada.client.post(
        f"/conversations/{talk}/read", data={"seq": "0"}, headers={"hx-request": "true", "accept-encoding": "gzip"}
    )
    assert answer.status_code == 200
    assert "content-encoding" not in answer.headers


async def test_two_copies_of_a_page_share_no_token(ada: Person) -> None:
    tokens = {(await ada.get("/settings")).forms[0].fields["token"] for _ in range(5)}
    parts = [part for token in tokens for part in token.split(".")]
    assert len(set(parts)) == 10


async def test_assets_are_named_by_their_digest_and_kept_for_ever(ada: Person) -> None:
    page = await ada.get("/")
    addresses = set(re.findall(r'(?:href|src)="(/assets/[^"#]+)', page.text))
    assert {re.sub(r"-[0-9a-f]{12}\.", ".", address) for address in addresses} >= {"/assets/app.css", "/assets/app.js"}
    for address in addresses:
        zipped = await ada.client.get(address, headers={"accept-encoding": "gzip"})
        assert zipped.status_code == 200
        assert "immutable" in zipped.headers["cache-control"]
        assert "no-store" not in zipped.headers["cache-control"]
        assert "set-cookie" not in zipped.headers
        assert zipped.headers["vary"].lower() == "accept-encoding"
        assert zipped.headers["content-encoding"] == "gzip"
        assert zipped.headers["x-content-type-options"] == "nosniff"
        plain = await ada.client.get(address, headers={"accept-encoding": "gzip;q=0"})
        assert "content-encoding" not in plain.headers
        assert plain.content == zipped.content
        assert re.fullmatch("text/(css|javascript); charset=utf-8|image/(png|svg[+]xml)", plain.headers["content-type"])
        other = re.sub(r"-[0-9a-f]{12}", "-000000000000", address)
        assert (await ada.get(other)).status == 404


async def test_cookies_are_ours_alone(house: str) -> None:
    async with Person(house) as ada:
        first = SimpleCookie((await ada.get("/sign-in")).answer.headers["set-cookie"])
        assert all(cookie["httponly"] and cookie["samesite"] == "lax" for cookie in first.values())
        await ada.sign_up("Ada")
        await ada.post("/sign-out")
        answer = await ada.sign_in("Ada")
        for line in answer.answer.headers.get_list("set-cookie"):
            for cookie in SimpleCookie(line).values():
                assert cookie["httponly"]
                assert cookie["samesite"] == "lax"
                assert cookie["path"] == "/"
                assert not cookie["domain"]
                assert not cookie["secure"]


async def test_over_https_cookies_belong_to_the_host_and_the_browser_is_told_to_stay(open_house: OpenHouse) -> None:
    url = await open_house(base_url="https://chat.example.org")
    async with httpx.AsyncClient(base_url=url, headers=SECURE, verify=TRUSTED) as browser:
        page = await browser.get("/sign-up")
        assert int(page.headers["strict-transport-security"].removeprefix("max-age=")) >= 180 * 86_400
        answer = await browser.post("/sign-up", data={"username": "Ada", "password": PASSWORD})
        assert answer.status_code == 303
        lines = page.headers.get_list("set-cookie") + answer.headers.get_list("set-cookie")
        cookies = [cookie for line in lines for cookie in SimpleCookie(line).values()]
        assert len(cookies) == 3
        for cookie in cookies:
            assert cookie.key.startswith("__Host-")
            assert cookie["secure"]
            assert cookie["httponly"]
            assert cookie["path"] == "/"
            assert not cookie["domain"]
        session = "; ".join(f"{cookie.key}={cookie.coded_value}" for cookie in cookies)
        assert (await browser.get("/settings", headers={"cookie": session})).status_code == 200
        bare = session.replace("__Host-", "")
        assert (await browser.get("/settings", headers={"cookie": bare})).status_code == 303
        for refused in (
            await browser.get("/nowhere", headers={"cookie": session}),
            await browser.get("/", headers={"host": "x"}),
        ):
            assert refused.status_code >= 400
            assert "strict-transport-security" in refused.headers


async def test_a_cookie_holds_nothing_that_is_stored(ada: Person, tmp_path: Path) -> None:
    session = ada.client.cookies["session"]
    for file in tmp_path.glob("*.sqlite3*"):
        assert session.rpartition(".")[0].encode() not in file.read_bytes()
