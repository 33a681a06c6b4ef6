"""Says to push services who sends, with a signature that they can check (VAPID, RFC 8292)."""

import base64
import time
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from parlour.notifications.encryption import CURVE, point

VALID_S = 12 * 3600  # push services take 24 hours at most
RENEWED_BEFORE_S = 3600
ORIGINS_AT_MOST = 100  # whose signatures are kept; there are hardly more push services
NUMBER_BYTES = 32
HEADER = {"typ": "JWT", "alg": "ES256"}


class Vapid:
    """This house's own key, which a browser names when it subscribes and no other house can then push with."""

    def __init__(self, key: str, contact: str) -> None:
        """`key` is a private number in base64url, `contact` an https or mailto address. Raises ValueError."""
        number = int.from_bytes(decode(key), "big")
        self._key = ec.derive_private_key(number, CURVE)
        self._contact = contact
        self._kept: dict[str, tuple[float, str]] = {}
        self.public_key = encode(point(self._key.public_key()))

    def authorization(self, endpoint: str) -> str:
        """The header `authorization` for a push to this endpoint."""
        parts = urlsplit(endpoint)
        origin = f"{parts.scheme}://{parts.netloc}"
        renewed_at, header = self._kept.get(origin, (0.0, ""))
        if renewed_at <= time.time():
            header = f"vapid t={self._token(origin)}, k={self.public_key}"
            if len(self._kept) >= ORIGINS_AT_MOST:
                self._kept.clear()
            self._kept[origin] = (time.time() + VALID_S - RENEWED_BEFORE_S, header)
        return header

    def _token(self, origin: str) -> str:
        claims = {"aud": origin, "exp": int(time.time()) + VALID_S, "sub": self._contact}
        said = ".".join(encode(msgspec.json.encode(part)) for part in (HEADER, claims))
        r, s = decode_dss_signature(self._key.sign(said.encode(), ec.ECDSA(SHA256())))
        signature = r.to_bytes(NUMBER_BYTES, "big") + s.to_bytes(NUMBER_BYTES, "big")
        return f"{said}.{encode(signature)}"


def encode(data: bytes) -> str:
    """Base64url without its padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """What base64url says, padded or not. Raises ValueError."""
    return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), b"-_", validate=True)
