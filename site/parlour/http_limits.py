"""The HTTP protocol with the limits that uvicorn lacks: slow, huge and doubled heads, and odd targets."""

import asyncio
from http import HTTPStatus

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from parlour.live.wire_handshake import plain_answer
from parlour.live.wire_transport import notice_death

HEAD_LIMIT = 32 * 1024  # bytes of a request's line and headers together
HEAD_WAIT_S = 10.0  # from a request's first byte to the end of its headers
FIRST_BYTE_WAIT_S = 30.0  # a connection on which nothing was ever asked; browsers open some ahead
READER_WAIT_S = 40.0  # a reader that takes nothing for so long is gone; who has a live page is not here by then
DEAD_READER_S = 30  # one that does not even acknowledge: whoever has a live page counts as here until it ends
LAST_WORDS_S = 2.0  # how long a refused peer may go on sending before the connection is cut

Refusal = tuple[HTTPStatus, str]

TOO_SLOW = HTTPStatus.REQUEST_TIMEOUT, "The request did not arrive in time."
TOO_LARGE = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers of the request are above 32 KiB."
GARBAGE = HTTPStatus.BAD_REQUEST, "This is no HTTP request."
NOT_ONE_HOST = HTTPStatus.BAD_REQUEST, "A request needs exactly one Host header."
NOT_A_PATH = HTTPStatus.BAD_REQUEST, "The address must be a path of this site."
NO_SWITCH = HTTPStatus.BAD_REQUEST, "A WebSocket opens with an HTTP/1.1 request of its own."


class LimitedHttp(HttpToolsProtocol):
    """uvicorn's protocol, behind a porter who lets only whole, small and timely heads through."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._in_head = False  # a head has begun and is not whole
        self._in_body = False  # the request that `cycle` answers is not whole
        self._head_bytes = 0  # that came in without ending a head, or without being part of a body
        self._parsed_bytes = 0  # of the head that is being read
        self._refusal: Refusal | None = None
        self._deaf = False  # whatever comes in is thrown away
        self._watched = False  # the kernel looks whether the other end is still there
        self._reader_timer: asyncio.TimerHandle | None = None
        self._head_timer: asyncio.TimerHandle | None = self.loop.call_later(FIRST_BYTE_WAIT_S, self._leave)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_head_timer()
        if self._reader_timer is not None:
            self._reader_timer.cancel()

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        self._unset_keepalive_if_required()
        if not self._in_head and not self._in_body:
            self._begin_head()
        self._head_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if not self._refusal:
                self._switch(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refusal = self._refusal or GARBAGE
        if self._head_bytes > HEAD_LIMIT and (self._in_head or self._in_body):
            self._refusal = self._refusal or TOO_LARGE
        if self._refusal:
            self._refuse(*self._refusal)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if not self._in_head:
            self._begin_head()
        self._parsed_bytes = 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        # What comes after a body in pieces is a trailer: nobody here reads any.
        if self._count(len(name) + len(value) + len(": \r\n")) and self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_bytes = 0
        self._stop_head_timer()
        if self._refusal is None:
            self._refusal = self._objection()
        if self._refusal is None:
            self._in_body = True
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._head_bytes = 0
        if self._refusal is None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_body = False
        if self._refusal is None:
            super().on_message_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reader_timer = self.loop.call_later(READER_WAIT_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._reader_timer is not None:
            self._reader_timer.cancel()

    def _begin_head(self) -> None:
        self._in_head = True
        self._head_bytes = 0
        self._stop_head_timer()
        if not self._watched:
            self._watched = True
            notice_death(self.transport.get_extra_info("socket"), DEAD_READER_S)
        self._head_timer = self.loop.call_later(HEAD_WAIT_S, self._refuse, *TOO_SLOW)

    def _count(self, length: int) -> bool:
        self._parsed_bytes += length
        if self._parsed_bytes > HEAD_LIMIT:
            self._refusal = self._refusal or TOO_LARGE
        return self._refusal is None

    def _objection(self) -> Refusal | None:
        if not self.url.startswith(b"/") or not self.url.isascii() or b"#" in self.url:
            return NOT_A_PATH
        if sum(name == b"host" for name, _ in self.headers) != 1:
            return NOT_ONE_HOST
        return None

    def _switch(self, rest: bytes) -> None:
        """Hands the connection to the WebSocket protocol, with what came behind the head."""
        if not self._should_upgrade():
            # An upgrade that nobody here speaks is answered as the plain request that it also is.
            self._deaf = True
            self.cycle.keep_alive = False
        elif self.parser.get_http_version() != "1.1" or self._is_busy():
            self._refusal = NO_SWITCH
        else:
            self._in_body = False
            self._stop_head_timer()
            self.handle_websocket_upgrade()
            del self.parser  # it holds us, and we hold it: nobody has to search for that cycle
            successor = self.transport.get_protocol()
            if rest and isinstance(successor, asyncio.Protocol):
                successor.data_received(rest)

    def _refuse(self, status: HTTPStatus, sentence: str) -> None:
        """Ends the connection with one plain sentence, once what was asked before has its answer."""
        if self._deaf:
            return
        self._deaf = True
        self._stop_head_timer()
        if self._is_busy() and not self._in_body:
            self.cycle.keep_alive = False
            return
        if self._is_busy():
            if self.cycle.response_started:
                self.transport.close()
                return
            # Its body will never be whole: the application hears that nobody waits for the answer.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write(plain_answer(status, sentence, self.server_state.default_headers))
        # What still comes is read and thrown away: to close with bytes unread would reset the connection,
        # and the peer might never see the answer.
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._head_timer = self.loop.call_later(LAST_WORDS_S, self.transport.abort)

    def _is_busy(self) -> bool:
        return bool(self.cycle) and not self.cycle.response_complete

    def _leave(self) -> None:
        self.transport.close()

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
