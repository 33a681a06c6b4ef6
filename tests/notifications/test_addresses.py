"""No push goes to where no push service is: not by number, not by name, and not by a name that changes its mind."""

import asyncio
import socket

import httpcore
import pytest

from parlour.notifications.addresses import BadEndpoint, Reachable, is_public, service_of
from parlour.notifications.sending import CheckedBackend, Outcome, PushClient
from push_service import PushService, push_service

INSIDE = """
127.0.0.1 127.8.9.10 0.0.0.0 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 192.0.2.1 198.18.0.1 224.0.0.1
240.0.0.1 255.255.255.255 ::1 :: fe80::1 fe80::1%eth0 fc00::1 fd12:3456::1 ff02::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1
::127.0.0.1 ::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b:1::1 2002:7f00:1:: 2001:0:1::1 2001:db8::1
fec0::1
"""
OUTSIDE = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001::1", "64:ff9b::808:808", "::ffff:8.8.8.8"]
REFUSED = """
http://push.example.org/x https://push.example.org:8443/x https://127.0.0.1/x https://[::1]/x https://2130706433/x
https://0x7f.1/x https://0177.0.0.1/x https://10.0.0.1/x https://user@push.example.org/x https://push.example.org/x#y
ftp://push.example.org/x //push.example.org/x https:///x push.example.org https://push.example.org:x/
https://push.example.org:99999/x https://[::1/x javascript:alert(1) https://\\push.example.org/x https://пуш.example/x
https://[::ffff:127.0.0.1]/x https://169.254.169.254/latest/meta-data https://localhost/x https://localhost./x
https://127.0.0.1.:443/ https://10.0.0.1./x https://8.8.8.8./x https://printer.local/x https://a.localhost/x
https://push/x https://push.example.org./x https://a..b0/x https://.example.org/x https://-a.example.org/x
https://a-.example.org/x https://push.example.org:0/x https://a,b.example.org/x https://%61.example.org/x
"""
LONG = "https://push.example.org/" + "x" * 1_000
LONG_NAMES = [f"https://{'a' * 64}.org/x", f"https://{'a.' * 126}org/x"]


@pytest.mark.parametrize("address", INSIDE.split())
def test_an_address_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_an_address_of_the_world_is(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("endpoint", [*REFUSED.split(), *LONG_NAMES, "", LONG, "https://a b/"])
def test_what_no_push_service_is_called_is_refused(endpoint: str) -> None:
    with pytest.raises(BadEndpoint):
        Reachable(("localhost:8443",)).check(endpoint)


def test_the_hosts_that_the_operator_names_may_be_private_and_plain() -> None:
    reachable = Reachable(("127.0.0.1:8443", "[::1]:80", "Push.Local:443"))
    for endpoint in ("http://127.0.0.1:8443/x", "https://127.0.0.1:8443/x", "http://[::1]/x", "https://push.local/x"):
        reachable.check(endpoint)
    for endpoint in ("http://127.0.0.1:8444/x", "http://push.local/x", "https://[::1]/x"):
        with pytest.raises(BadEndpoint):
            reachable.check(endpoint)
    Reachable(()).check("https://fcm.googleapis.com/fcm/send/abc:def")


def test_a_service_has_one_spelling() -> None:
    reachable = Reachable(("127.0.0.1:8443",))
    for endpoint in ("https://push.example.org/A?b=%20", "HTTPS://PUSH.Example.org:0443/A?b=%20"):
        assert reachable.check(endpoint) == "https://push.example.org/A?b=%20"
        assert service_of(endpoint) == "push.example.org:443"
    for port in ("8443", "08443", "0008443"):
        assert reachable.check(f"http://127.0.0.1:{port}/x") == "http://127.0.0.1:8443/x"
    assert service_of("http://[::1]/x") == "[::1]:80"


async def test_a_name_that_leads_inside_is_not_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is looked up once, when it is connected to; whatever it said before does not matter."""
    asked = []

    def look_up(host: str, port: int, **_: object) -> list[object]:
        asked.append(host)
        answers = {"good": ["8.8.8.8"], "bad": ["127.0.0.1"], "mixed": ["8.8.8.8", "::1"]}
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answers[host]]

    async with push_service() as service:
        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        client = PushClient(Reachable(()))
        for host in ("bad", "mixed"):
            sent = await client.send(f"http://{host}:{service.port}/x", {}, b"")
            assert sent.outcome is Outcome.GONE
            assert "not public" in sent.reason
        assert asked == ["bad", "mixed"]
        assert not service.asked
        await client.close()


async def test_a_name_that_nobody_knows_is_no_attack(ended: PushService) -> None:
    client = PushClient(Reachable((ended.host,)))
    for host in ("nobody.invalid", "a..b0", "a" * 64):
        assert (await client.send(f"https://{host}/x", {}, b"")).outcome is Outcome.LATER
    assert (await client.send(ended.endpoint("/x"), {}, b"")).outcome is Outcome.LATER
    await client.close()
    with pytest.raises(httpcore.ConnectError):
        await CheckedBackend(Reachable(())).connect_tcp("127.0.0.1", ended.port)


async def test_a_pause_of_any_length_is_a_minute_at_most() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 x\r\ncontent-length: 0\r\nretry-after: " + b"9" * 5_000 + b"\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        client = PushClient(Reachable((host,)))
        sent = await client.send(f"http://{host}/x", {}, b"")
        assert (sent.outcome, sent.pause_s) == (Outcome.LATER, 60)
        await client.close()


@pytest.fixture
async def ended() -> PushService:
    """A push service that was there and is not any more."""
    async with push_service() as service:
        return service
