"""Every setting, its default and its reason; read once, and imported by the roof alone."""

import base64
import os
import re
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from parlour.rates import Rate, parse_age, parse_rate

SECRET_BYTES = 32
SECRET_FILE = "secret-keys"
PUSH_KEY_FILE = "push-key"
# As browsers say where they are: a host in ASCII letters or an address, and a port where it is not the usual one.
BASE_ADDRESS = r"(?P<origin>https?://([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(:(?P<port>[0-9]{1,5}))?)/*"
GREATEST_PORT = 65_535


class BadSetting(ValueError):
    """A setting that cannot be understood; its text is a sentence that names it."""


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that an operator can decide. Lengths of time in seconds, sizes in bytes."""

    host: str = "127.0.0.1"
    port: int = 8000
    data: Path = Path("data")
    database_url: str = ""  # SQLite below `data` where nothing is said
    secret_keys: tuple[str, ...] = ()  # the first signs, all are accepted; a file below `data` where nothing is said
    base_url: str = ""  # where people reach us; the bound address where nothing is said
    trusted_proxies: tuple[str, ...] = ()  # whose X-Forwarded headers are believed
    registration_open: bool = True
    reload: bool = False  # for whoever works on templates: read them again for every page
    session_idle_s: int = 30 * 86_400  # a session that is not used for so long is over
    session_limit_s: int = 180 * 86_400  # and so is one that began so long ago
    rate_posts: Rate = Rate(60, 60)  # a person
    rate_sign_ins: Rate = Rate(10, 900)  # failures for one name from one address
    rate_address: Rate = Rate(50, 900)  # sign-ins and sign-ups from one address
    rate_sign_ups: Rate = Rate(20, 3600)  # an address
    rate_conversations: Rate = Rate(30, 3600)  # a person
    rate_uploads: Rate = Rate(20, 60)  # a person
    rate_frames: Rate = Rate(20, 1)  # a socket
    storage_url: str = ""  # where recordings are kept; a folder below `data` where nothing is said
    recording_limit_s: int = 15 * 60  # a recording that goes on for longer is refused
    sweep_every_s: int = 3600  # how often what belongs to nothing is looked for, and how old it must be
    max_sockets_per_user: int = 20
    max_sockets_per_address: int = 200
    push_key: str = ""  # by which push services know us; a file below `data` where nothing is said
    push_hosts: tuple[str, ...] = ()  # push services, as host:port, that may be private and plain http
    live_page_age_s: int = 600  # then a page that needs no script goes on as a new one
    live_page_rows: int = 300

    @property
    def database(self) -> str:
        # Of all that the name of a folder may hold, these two alone would mean something else in a URL.
        file = str(self.data.resolve() / "parlour.sqlite3").replace("%", "%25").replace("?", "%3F")
        return self.database_url or f"sqlite:///{file}"


def read_config(environ: Mapping[str, str], **chosen: str | int | bool | Path | None) -> Config:
    """The settings in `environ`, with what the command line chose on top. Raises BadSetting."""
    values: dict[str, object] = {}
    for field, (name, read) in SETTINGS.items():
        if text := environ.get(name, "").strip():
            try:
                values[field] = read(text)
            except ValueError as error:
                raise BadSetting(f"{name}: {error}.") from error
    values |= {field: value for field, value in chosen.items() if value is not None}
    return msgspec.convert(values, Config)


def with_keys(config: Config) -> Config:
    """The same settings with keys: those that were given, or those of this house's own files, made at its first start.

    The files are readable by their owner alone. When several processes start at once, the first one's keys hold.
    """
    secret_keys = config.secret_keys or _kept(config.data / SECRET_FILE, _new_secret)
    push_key = config.push_key or _kept(config.data / PUSH_KEY_FILE, _new_push_key)[0]
    return msgspec.structs.replace(config, secret_keys=secret_keys, push_key=push_key)


def _kept(path: Path, make: Callable[[], str]) -> tuple[str, ...]:
    """The keys in a file, which is made where there is none."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        _write_once(path, make() + "\n")
    keys = tuple(path.read_text("ascii").split())
    if not keys:
        raise BadSetting(f"{path} holds no key; restore it, or remove it to begin with a new one.")
    return keys


def _new_secret() -> str:
    return secrets.token_urlsafe(SECRET_BYTES)


def _new_push_key() -> str:
    """A private key on the curve P-256: its number, in base64url."""
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return base64.urlsafe_b64encode(number.to_bytes(SECRET_BYTES, "big")).rstrip(b"=").decode()


def _write_once(path: Path, text: str) -> None:
    """Puts a whole file in place, unless there is one by now."""
    part = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(part)  # unlike a rename, this never takes another process's place
    except FileExistsError:
        pass
    finally:
        part.unlink()


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.replace(",", " ").split() if word)


def _keys(text: str) -> tuple[str, ...]:
    keys = _words(text)
    if any(len(key) < SECRET_BYTES for key in keys):
        raise ValueError(f"each key needs {SECRET_BYTES} characters or more")
    return keys


def _push_key(text: str) -> str:
    if not re.fullmatch("[A-Za-z0-9_-]{43}=?", text):
        raise ValueError("a private key is 32 bytes in base64url, as in the file that Parlour makes")
    return text


def _hosts(text: str) -> tuple[str, ...]:
    hosts = _words(text)
    for host in hosts:
        if not re.fullmatch(r"(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}", host):
            raise ValueError(f"{host!r} is no host and port; one is written push.example.org:8443")
    return hosts


def _origin(text: str) -> str:
    found = re.fullmatch(BASE_ADDRESS, text.lower())
    if not found or not 0 < int(found["port"] or 1) <= GREATEST_PORT:
        raise ValueError(f"{text!r} is no base address; one is written https://chat.example.org")
    return found["origin"]


def _storage(text: str) -> str:
    parts = urlsplit(text)
    if not (parts.scheme == "s3" and parts.hostname) and not (parts.scheme == "file" and parts.path):
        raise ValueError("this is no store of recordings; one is written s3://BUCKET/PREFIX or file:///FOLDER")
    return text


def _open_or_closed(text: str) -> bool:
    if text not in ("open", "closed"):
        raise ValueError(f"{text!r} is neither open nor closed")
    return text == "open"


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise ValueError(f"{text!r} is no number")
    return int(text)


def _above_zero(text: str) -> int:
    if not _count(text):
        raise ValueError(f"{text!r} is too few")
    return int(text)


SETTINGS: dict[str, tuple[str, Callable[[str], object]]] = {
    "data": ("PARLOUR_DATA", Path),
    "database_url": ("PARLOUR_DATABASE_URL", str),
    "secret_keys": ("PARLOUR_SECRET_KEYS", _keys),
    "base_url": ("PARLOUR_BASE_URL", _origin),
    "trusted_proxies": ("PARLOUR_TRUSTED_PROXIES", _words),
    "registration_open": ("PARLOUR_REGISTRATION", _open_or_closed),
    "session_idle_s": ("PARLOUR_SESSION_IDLE", parse_age),
    "session_limit_s": ("PARLOUR_SESSION_LIMIT", parse_age),
    "rate_posts": ("PARLOUR_RATE_POSTS", parse_rate),
    "rate_sign_ins": ("PARLOUR_RATE_SIGN_INS", parse_rate),
    "rate_address": ("PARLOUR_RATE_ADDRESS", parse_rate),
    "rate_sign_ups": ("PARLOUR_RATE_SIGN_UPS", parse_rate),
    "rate_conversations": ("PARLOUR_RATE_CONVERSATIONS", parse_rate),
    "rate_frames": ("PARLOUR_RATE_FRAMES", parse_rate),
    "rate_uploads": ("PARLOUR_RATE_UPLOADS", parse_rate),
    "storage_url": ("PARLOUR_STORAGE_URL", _storage),
    "recording_limit_s": ("PARLOUR_RECORDING_LIMIT", parse_age),
    "sweep_every_s": ("PARLOUR_SWEEP_EVERY", parse_age),
    "max_sockets_per_user": ("PARLOUR_MAX_SOCKETS_PER_USER", _count),
    "max_sockets_per_address": ("PARLOUR_MAX_SOCKETS_PER_ADDRESS", _count),
    "push_key": ("PARLOUR_PUSH_KEY", _push_key),
    "push_hosts": ("PARLOUR_PUSH_HOSTS", _hosts),
    "live_page_age_s": ("PARLOUR_LIVE_PAGE_AGE", parse_age),
    "live_page_rows": ("PARLOUR_LIVE_PAGE_ROWS", _above_zero),
}
