"""The line below a socket: frames in and out, with every limit that keeps a peer from growing us."""

import asyncio
from collections.abc import Callable

from uvicorn._types import ASGIReceiveEvent, WebSocketDisconnectEvent
from websockets.frames import CloseCode

from parlour.live.wire_frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    MESSAGE_LIMIT,
    PING,
    PONG,
    BrokenStream,
    Frame,
    close_frame,
    make_frame,
    read_close,
    take_frame,
)
from parlour.live.wire_transport import Transport

SLOW_READER_S = 10.0  # a page that takes nothing for so long is cut, and catches up later
CLOSE_WAIT_S = 2.0  # how long the peer has to answer a close frame
LAST_WORDS_S = 10.0  # how long a cut page has to wake up and read why
WRITE_BUFFER_BYTES = 64 * 1024  # what waits here, above which a page counts as slow
READ_AHEAD = 32  # messages that may wait for the application before reading stops


class Line(asyncio.Protocol):
    """One connection after its handshake: whole messages come in, bytes that are frames already go out."""

    __slots__ = (
        "_binary",
        "_deaf",
        "_drained",
        "_ended",
        "_full",
        "_loop",
        "_message",
        "_received",
        "_taker",
        "_timer",
        "_waiting",
        "closing",
        "heard_at",
        "on_writable",
        "opened",
        "transport",
        "writable",
    )

    transport: Transport

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.opened = False  # the handshake is done
        self.closing = False  # nothing that is written from now on arrives
        self.writable = True  # False while the peer takes less than we write
        self.heard_at = loop.time()  # when anything came last, be it the answer to a ping
        self.on_writable: Callable[[], None] | None = None
        self._loop = loop
        self._received = bytearray()
        self._message: bytearray | None = None  # the fragments so far; None between messages
        self._binary = False
        self._waiting: list[ASGIReceiveEvent] = []
        self._full = False  # reading is paused, since the application is behind
        self._deaf = False  # whatever comes in is thrown away
        self._ended: WebSocketDisconnectEvent | None = None
        self._taker: asyncio.Future[None] | None = None
        self._drained: asyncio.Event | None = None
        self._timer: asyncio.TimerHandle | None = None

    def write(self, data: bytes) -> None:
        """Sends bytes that are frames already; nothing happens once the line is closing."""
        if self.opened and not self.closing:
            self.transport.write(data)

    def close(self, code: int, reason: str = "") -> None:
        """Says why and ends: TCP follows the peer's own close frame, or CLOSE_WAIT_S of its silence."""
        self._part(code, reason, CLOSE_WAIT_S)

    def turn_away(self, code: int, reason: str = "") -> None:
        """Like `close`, for a peer that says too much: what it still says is thrown away, and costs nobody any time."""
        self._give_up(BrokenStream(CloseCode(code), reason))

    async def take(self) -> ASGIReceiveEvent:
        """The next message, or how it ended once there is none any more."""
        while not self._waiting:
            if self._ended is not None:
                return self._ended
            self._taker = self._loop.create_future()
            await self._taker
        event = self._waiting.pop(0)
        if self._full and len(self._waiting) <= READ_AHEAD // 2:
            self._read_on()
        return event

    async def drain(self) -> None:
        """Waits until the peer has taken what waits for it, or is gone."""
        while self._drained is not None:
            await self._drained.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, Transport):
            raise TypeError("a socket needs a transport that reads and writes")
        self.transport = transport
        transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)

    def connection_lost(self, _exc: Exception | None) -> None:
        self.closing = True
        self.on_writable = None
        self._stop_timer()
        self._end(CloseCode.ABNORMAL_CLOSURE, "")
        self._let_writers_go()

    def data_received(self, data: bytes) -> None:
        if not self._deaf:
            self.heard_at = self._loop.time()
            self._received += data
            self._read_on()

    def pause_writing(self) -> None:
        self.writable = False
        self._drained = asyncio.Event()
        if not self.closing:
            self._start_timer(SLOW_READER_S, self._cut)

    def resume_writing(self) -> None:
        self.writable = True
        self._let_writers_go()
        if not self.closing:
            self._stop_timer()
            if self.on_writable is not None:
                self.on_writable()

    def open(self) -> None:
        """The handshake is done: from here on both sides speak in frames."""
        self.opened = True
        self.transport.resume_reading()
        self._read_on()

    def _read_on(self) -> None:
        pongs: list[bytes] = []
        try:
            while len(self._waiting) < READ_AHEAD and not self._deaf and (frame := take_frame(self._received)):
                if frame.opcode == PING:
                    pongs.append(make_frame(PONG, frame.payload))
                elif frame.opcode == CLOSE:
                    self._hear_close(frame.payload)
                elif frame.opcode != PONG:
                    self._hear(frame)
        except BrokenStream as broken:
            self._give_up(broken)
        # A peer that takes nothing gets no pongs either: they would pile up.
        if pongs and self.writable:
            self.write(b"".join(pongs))
        self._hold_back(len(self._waiting) >= READ_AHEAD)

    def _hear(self, frame: Frame) -> None:
        if (frame.opcode == CONTINUATION) == (self._message is None):
            raise BrokenStream(CloseCode.PROTOCOL_ERROR, "fragments out of order")
        if self._message is None:
            self._message, self._binary = bytearray(), frame.opcode == BINARY
        self._message += frame.payload
        if len(self._message) > MESSAGE_LIMIT:
            raise BrokenStream(CloseCode.MESSAGE_TOO_BIG, "messages are at most 64 KiB")
        if frame.final:
            message, self._message = self._message, None
            self._hand_on(message)

    def _hand_on(self, message: bytearray) -> None:
        if self.closing:
            return
        if self._binary:
            self._waiting.append({"type": "websocket.receive", "bytes": bytes(message)})
        else:
            try:
                self._waiting.append({"type": "websocket.receive", "text": message.decode()})
            except UnicodeDecodeError as error:
                raise BrokenStream(CloseCode.INVALID_DATA, "the text is not UTF-8") from error
        self._wake_taker()

    def _hear_close(self, payload: bytes) -> None:
        close = read_close(payload)
        self._deaf = True
        if not self.closing:
            self.closing = True
            self._end(close.code, close.reason)
            self.transport.write(close_frame(close.code))
            self._start_timer(CLOSE_WAIT_S, self.transport.abort)
        self.transport.close()

    def _give_up(self, broken: BrokenStream) -> None:
        self._deaf = True
        self._received.clear()
        self._part(broken.code, broken.reason, CLOSE_WAIT_S)
        # Only our half ends, and what still comes is read and thrown away: a full close with bytes unread
        # would reset the connection, and the peer would never see the code.
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _cut(self) -> None:
        self._part(CloseCode.TRY_AGAIN_LATER, "too slow", LAST_WORDS_S)

    def _part(self, code: int, reason: str, wait_s: float) -> None:
        if self.closing:
            return
        self.closing = True
        self._waiting.clear()
        self._end(code, reason)
        self._let_writers_go()
        self.transport.write(close_frame(code, reason))
        self._start_timer(wait_s, self.transport.abort)
        self._hold_back(False)

    def _end(self, code: int, reason: str) -> None:
        if self._ended is None:
            self._ended = {"type": "websocket.disconnect", "code": int(code), "reason": reason}
            self._wake_taker()

    def _wake_taker(self) -> None:
        if self._taker is not None and not self._taker.done():
            self._taker.set_result(None)

    def _let_writers_go(self) -> None:
        if self._drained is not None:
            self._drained.set()
            self._drained = None

    def _hold_back(self, full: bool) -> None:
        if full == self._full or self.transport.is_closing():
            return
        self._full = full
        if full:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def _start_timer(self, delay_s: float, then: Callable[[], None]) -> None:
        self._stop_timer()
        self._timer = self._loop.call_later(delay_s, then)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
