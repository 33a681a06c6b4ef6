"""What a wire asks of the transport below it, and of the kernel below that."""

import socket
import sys
from typing import Protocol, runtime_checkable

DEAD_PEER_S = 45  # a peer that acknowledges nothing for so long, or answers no probe, is gone
UNSENT_BYTES = 64 * 1024  # what may wait in the kernel, beside what is under way


@runtime_checkable
class Transport(Protocol):
    """What we ask of a transport; uvloop's are no subclass of asyncio's."""

    def write(self, data: bytes) -> None: ...
    def write_eof(self) -> None: ...
    def can_write_eof(self) -> bool: ...
    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...
    def is_closing(self) -> bool: ...
    def get_extra_info(self, name: str) -> object: ...


def notice_death(line: socket.socket, after_s: int) -> None:
    """Has the kernel end a connection whose other end has acknowledged nothing for so long that was sent to it."""
    if sys.platform == "linux" and line.family in (socket.AF_INET, socket.AF_INET6):
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, after_s * 1000)


def watch_over(line: socket.socket) -> None:
    """Has the kernel notice a dead peer within DEAD_PEER_S, and a slow one before megabytes wait for it."""
    if sys.platform != "linux" or line.family not in (socket.AF_INET, socket.AF_INET6):
        return
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, DEAD_PEER_S // 3)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, DEAD_PEER_S // 3)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_PEER_S * 1000)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
