"""WebSocket frames as bytes: the unmasked ones that we send, the masked ones that come (RFC 6455, 5)."""

from typing import NamedTuple

from websockets.exceptions import ProtocolError
from websockets.frames import Close, CloseCode
from websockets.utils import apply_mask

MESSAGE_LIMIT = 64 * 1024  # bytes of one frame, and of one message put together from its fragments

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

FIN = 0x80
RESERVED = 0x70
MASKED = 0x80
CONTROL_LIMIT = 125  # bytes of a control frame, which is never in pieces
REASON_LIMIT = CONTROL_LIMIT - 2  # bytes left beside the close code
MASK_BYTES = 4


class Frame(NamedTuple):
    """One whole frame that was received, without its mask."""

    opcode: int
    final: bool
    payload: bytes


class BrokenStream(Exception):
    """The peer does not keep to the protocol or its limits; `code` says how, `reason` says it in words."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def take_frame(received: bytearray) -> Frame | None:
    """Takes the first frame out of `received`, None until it is whole. A wrong head raises BrokenStream."""
    if len(received) < 2:
        return None
    first, second = received[0], received[1]
    final, opcode, length, start = bool(first & FIN), first & 0x0F, second & 0x7F, 2
    _check_head(first, second)
    if length > CONTROL_LIMIT:
        start += 2 if length == 126 else 8
        if len(received) < start:
            return None
        length = int.from_bytes(received[2:start], "big")
    if length > MESSAGE_LIMIT:
        raise BrokenStream(CloseCode.MESSAGE_TOO_BIG, "messages are at most 64 KiB")
    end = start + MASK_BYTES + length
    if len(received) < end:
        return None
    mask = bytes(received[start : start + MASK_BYTES])
    payload = apply_mask(received[start + MASK_BYTES : end], mask) if length else b""
    del received[:end]
    return Frame(opcode, final, payload)


def read_close(payload: bytes) -> Close:
    """What the peer's close frame says; 1005 where it says nothing. Raises BrokenStream."""
    try:
        return Close.parse(payload)
    except UnicodeDecodeError as error:
        raise BrokenStream(CloseCode.INVALID_DATA, "the reason is not UTF-8") from error
    except ProtocolError as error:
        raise BrokenStream(CloseCode.PROTOCOL_ERROR, "no such close code") from error


def text_frame(payload: bytes) -> bytes:
    """One unmasked text frame around UTF-8 bytes, ready for any number of wires."""
    return make_frame(TEXT, payload)


def close_frame(code: int, reason: str = "") -> bytes:
    """A close frame; the reason is cut at a character where it is too long for one."""
    if code == CloseCode.NO_STATUS_RCVD:
        return make_frame(CLOSE, b"")
    text = reason.encode()[:REASON_LIMIT].decode(errors="ignore").encode()
    return make_frame(CLOSE, code.to_bytes(2, "big") + text)


def make_frame(opcode: int, payload: bytes) -> bytes:
    """One final, unmasked frame."""
    length = len(payload)
    if length <= CONTROL_LIMIT:
        return bytes((FIN | opcode, length)) + payload
    if length < 1 << 16:
        return bytes((FIN | opcode, 126)) + length.to_bytes(2, "big") + payload
    return bytes((FIN | opcode, 127)) + length.to_bytes(8, "big") + payload


def _check_head(first: int, second: int) -> None:
    opcode = first & 0x0F
    if first & RESERVED:
        raise BrokenStream(CloseCode.PROTOCOL_ERROR, "reserved bits are set")
    if opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
        raise BrokenStream(CloseCode.PROTOCOL_ERROR, "no such opcode")
    if not second & MASKED:
        raise BrokenStream(CloseCode.PROTOCOL_ERROR, "frames must be masked")
    if opcode >= CLOSE and (second & 0x7F > CONTROL_LIMIT or not first & FIN):
        raise BrokenStream(CloseCode.PROTOCOL_ERROR, "a control frame is short and whole")
