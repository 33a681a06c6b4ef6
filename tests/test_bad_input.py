"""What nobody should type or send: each gets its status and one sentence, and breaks nothing."""

from urllib.parse import urlsplit

import pytest

from conftest import OpenHouse
from people import PASSWORD, Person
from raw_page import ask
from refusals import check_refusal

pytestmark = pytest.mark.usefixtures("quiet_log")


NO_NAMES = ["", "a", "x" * 33, "x" * 5_000, "a\0b", "ad\u202eab", "a b", "-ada-", "a\u0301\u0302\u0303b", "<b>ada</b>"]


async def test_a_name_that_cannot_be_is_refused_beside_what_was_typed(house: str) -> None:
    async with Person(house) as dee:
        for name in NO_NAMES:
            page = await dee.post("/sign-up", {"username": name, "password": PASSWORD, "next": "/settings"})
            check_refusal(page, 422, "/sign-up", username=name, next="/settings", password="")
            assert PASSWORD not in page.text


async def test_a_password_that_cannot_be_is_refused_and_shown_nowhere(house: str) -> None:
    async with Person(house) as dee:
        for password in ("", "1234567", "x" * 1_025, "nul\0in the middle"):
            page = await dee.post("/sign-up", {"username": "Dee", "password": password})
            check_refusal(page, 422, "/sign-up", username="Dee", password="")
            assert len(password) < 8 or password not in page.text
        assert (await dee.post("/sign-up", {"username": "Dee", "password": "x" * 1_024})).status == 303


async def test_a_name_that_is_taken_or_looks_like_one_is_409(ada: Person) -> None:
    async with Person(ada.url) as dee:
        for name in ("Ada", "ADA", "\uff21da", "\u0410da", "Ad\u0430"):
            page = await dee.post("/sign-up", {"username": name, "password": PASSWORD})
            check_refusal(page, 409, "/sign-up", username=name)


async def test_nobody_comes_in_by_themselves_where_registration_is_closed(open_house: OpenHouse, house: str) -> None:
    url = await open_house(registration_open=False)
    async with Person(url) as dee:
        check_refusal(await dee.get("/sign-up"), 403)
        check_refusal(await dee.post("/sign-up", {"username": "Dee", "password": PASSWORD}), 403)
        assert (await dee.sign_in("Dee")).status == 401


async def test_whoever_nobody_knows_is_422(ada: Person) -> None:
    for name in ("Nobody", "", "A", "\0", "Ada\0", "\u0410da", "x" * 10_000, "<script>"):
        page = await ada.post("/conversations", {"username": name})
        check_refusal(page, 422)
        assert "Find people" in page.text
    check_refusal(await ada.post("/conversations"), 422)
    assert (await ada.post("/conversations", {"username": " ada "})).status == 303


async def test_places_in_the_history_in_every_spelling(ada: Person, talk: int) -> None:
    await ada.say(talk, "the only one")
    path = f"/conversations/{talk}?before="
    for odd in ("", "x", "-1", "+1", "%2b1", "1.0", "1e3", "0x1", "1%0a", "%0a1", "%201", "1%00", "%ff", "%ef%bc%91",
                "\u0661", "1_0", "1,000"):  # fmt: skip
        check_refusal(await ada.get(path + odd), 422)
    for empty in ("0", "1", "00", "01"):
        page = await ada.get(path + empty)
        assert (page.status, page.articles) == (200, [])
        assert 'id="messages"' not in page.text
    for latest in ("2", "3", "1000000", str(2**63), "9" * 30, "9" * 5_000):
        page = await ada.get(path + latest)
        assert (page.status, len(page.articles)) == (200, 1)
        assert 'id="messages"' in page.text


async def test_a_read_mark_is_a_number_and_never_beyond_the_newest(ada: Person, bo: Person, talk: int) -> None:
    await ada.say(talk, "one")
    path = f"/conversations/{talk}/read"
    for odd in ("", "x", "-1", "+1", "1.0", " 1", "1\n", "\uff11"):
        check_refusal(await bo.post(path, {"seq": odd}), 422)
    check_refusal(await bo.post(path), 422)
    assert "unread" in (await bo.get("/")).text
    for seq in ("0", "999999999999999999", "9" * 400, "1"):
        assert (await bo.post(path, {"seq": seq})).status == 303
    await ada.say(talk, "two")
    assert '<span class="unread">1 ' in (await bo.get("/")).text


ODD_HEADERS = [
    "Cookie: session=\xff\xfe; visitor=\xe9; known=\xff", "Cookie: ;;=;a;session",
    'Cookie: session="\\\\000\\\\"; known="',
    "Cookie: session=" + "x" * 4_000, "Cookie: known=e30.x; session=.; visitor=" + "v" * 4_000, "HX-Request: \xff",
    "Accept-Encoding: gzip;q=x, \xff, ,;;=", "User-Agent: \xff<b>", "Sec-Purpose: \xff", "If-None-Match: *",
    "Range: bytes=0-0", "Content-Type: \xff", "Content-Type: multipart/form-data; boundary=", "Accept: \xff",
    "X-HTTP-Method-Override: DELETE", "Upgrade: h2c", "Expect: 100-continue", "Cookie: a=b\r\nCookie: session=x",
]  # fmt: skip


async def test_whatever_headers_come_the_page_is_answered(ada: Person, talk: int) -> None:
    port, host = urlsplit(ada.url).port or 0, urlsplit(ada.url).netloc
    for header in ODD_HEADERS:
        for path in ("/sign-in", f"/conversations/{talk}", "/assets/x.css"):
            for cookie in ("", f"Cookie: {ada.cookie}\r\n"):
                head = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{cookie}{header}\r\n\r\n"
                answer = await ask(port, head.encode("latin-1"))
                assert answer[:12] in (b"HTTP/1.1 200", b"HTTP/1.1 303", b"HTTP/1.1 404"), (header, path)


async def test_whatever_is_looked_for_is_answered(ada: Person, talk: int) -> None:
    queries = ["", "%", "_", "\\", "'", '"', "\0", "%00", "*", "NEAR(", "a" * 10_000, "\u202e", "\ud83d\ude00" * 40]
    for query in [*queries, "' OR 1=1 --", "<script>alert(1)</script>", "\u0130\u0131", "  "]:
        answer = await ada.client.get("/people", params={"q": query.encode("utf-8", "surrogatepass")})
        assert answer.status_code == 200, query
    assert "Message <" not in (await ada.get("/people?q=%25")).text
    for odd in ("q", "q=%ff", "q=%ed%a0%80", "q=a&q=b", "&&&", "=", "%", "q=%", "q[]=1", "\xff", "q=" + "%00" * 1_000):
        port, host = urlsplit(ada.url).port or 0, urlsplit(ada.url).netloc
        for path in ("/people", f"/conversations/{talk}", "/sign-in"):
            head = f"GET {path}?{odd} HTTP/1.1\r\nHost: {host}\r\nCookie: {ada.cookie}\r\nConnection: close\r\n\r\n"
            line = (await ask(port, head.encode("latin-1")))[:12]
            assert line in (b"HTTP/1.1 200", b"HTTP/1.1 303", b"HTTP/1.1 400"), (path, odd)


async def test_thousands_of_noughts_before_a_length_change_nothing(house: str) -> None:
    port = urlsplit(house).port or 0
    for begin in ("GET /sign-in", "HEAD /sign-in", "POST /sign-in", "POST /conversations/1/messages"):
        for media_type in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
            head = f"{begin} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nContent-Type: {media_type}\r\n"
            line = (await ask(port, f"{head}Content-Length: {'0' * 5_000}\r\n\r\n".encode()))[:12]
            assert line[:10] in (b"HTTP/1.1 2", b"HTTP/1.1 3", b"HTTP/1.1 4"), (begin, media_type)
