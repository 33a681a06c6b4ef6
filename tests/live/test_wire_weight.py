"""What an idle socket costs the server, measured from outside."""

import asyncio
import sys
from pathlib import Path

from raw_page import TEXT, Page, masked

KIB_PER_SOCKET = 24
SOCKETS = 500

SERVER = """
import socket
from litestar import Litestar, WebSocket, websocket
from parlour.serving import make_server

@websocket("/live")
async def wait_for_words(socket: WebSocket) -> None:
    await socket.accept()
    while True:
        await socket.send_text(await socket.receive_text())

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
app = Litestar([wait_for_words])
make_server(app, host="127.0.0.1", port=0, trusted_proxies=(), listeners=[listener]).run()
"""


async def test_five_hundred_people_who_only_listen_cost_at_most_24_kib_each() -> None:
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVER, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert server.stdout
    try:
        async with asyncio.timeout(30):
            port = int(await server.stdout.readline())
        first = [await open_and_talk(port) for _ in range(20)]  # whatever is made once is made now
        before = proportional_kib(server.pid)
        pages = [await open_and_talk(port) for _ in range(SOCKETS)]
        after = proportional_kib(server.pid)
        for page in first + pages:
            page.writer.close()
    finally:
        server.terminate()
        async with asyncio.timeout(30):
            await server.communicate()
    assert (after - before) / SOCKETS <= KIB_PER_SOCKET


async def open_and_talk(port: int) -> Page:
    """A page that said its word and got it back, so that the server is done with it."""
    page = await Page.open(port, "/live", behind=masked(TEXT, b"{}"))
    assert await page.hear() == (TEXT, b"{}")
    return page


def proportional_kib(pid: int) -> int:
    """The memory that is the process's own, with its share of what it shares."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
