"""Encrypts what is pushed, so that only the subscribed browser can read it and no push service (RFC 8291, RFC 8188)."""

import os

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CURVE = ec.SECP256R1()
RECORD_BYTES = 4096  # one record is all that push services must take
SALT_BYTES = 16
KEY_BYTES = 65  # an uncompressed point
AUTH_BYTES = 16
TAG_BYTES = 16
HEADER_BYTES = SALT_BYTES + 4 + 1 + KEY_BYTES
PAYLOAD_LIMIT = RECORD_BYTES - HEADER_BYTES - TAG_BYTES - 1  # the last byte ends the text
PADDED_TO = 256  # bytes; so a push service learns little of how much was said
END_OF_LAST_RECORD = b"\x02"


def encrypt(payload: bytes, p256dh: bytes, auth: bytes) -> bytes:
    """The body of a push for the browser with this public key and secret, in the coding `aes128gcm`.

    Raises ValueError for a key that is no point of the curve, or a payload above `PAYLOAD_LIMIT`.
    """
    if len(payload) > PAYLOAD_LIMIT:
        raise ValueError(f"a push may hold {PAYLOAD_LIMIT} bytes, not {len(payload)}")
    receiver = read_public_key(p256dh)
    own = ec.generate_private_key(CURVE)
    public = point(own.public_key())
    secret = _derive(own.exchange(ec.ECDH(), receiver), auth, b"WebPush: info\0" + p256dh + public, 32)
    salt = os.urandom(SALT_BYTES)
    key = _derive(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derive(secret, salt, b"Content-Encoding: nonce\0", 12)
    header = salt + RECORD_BYTES.to_bytes(4, "big") + bytes([len(public)]) + public
    return header + AESGCM(key).encrypt(nonce, _padded(payload), None)


def read_public_key(encoded: bytes) -> ec.EllipticCurvePublicKey:
    """The key of an uncompressed point. Raises ValueError."""
    if len(encoded) != KEY_BYTES:
        raise ValueError("a key of a browser has 65 bytes")
    return ec.EllipticCurvePublicKey.from_encoded_point(CURVE, encoded)


def point(key: ec.EllipticCurvePublicKey) -> bytes:
    """The key as an uncompressed point."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _padded(payload: bytes) -> bytes:
    text = payload + END_OF_LAST_RECORD
    return text + b"\0" * min(-len(text) % PADDED_TO, PAYLOAD_LIMIT + 1 - len(text))


def _derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)
