"""Settings are read from the environment and the command line; what cannot be understood is named in a sentence."""

import stat
from pathlib import Path

import pytest

from parlour.config import SETTINGS, BadSetting, Config, read_config, with_keys
from parlour.db import sqlite_file
from parlour.rates import Rate

README = Path(__file__).resolve().parent.parent / "README.md"
KEY = "k" * 32


def test_without_any_setting_everything_has_its_default() -> None:
    assert read_config({}) == Config()


def test_settings_are_read_as_what_they_are() -> None:
    config = read_config(
        {
            "PARLOUR_RATE_POSTS": "5/2m",
            "PARLOUR_SESSION_IDLE": "12h",
            "PARLOUR_BASE_URL": "HTTPS://Chat.example.org/",
            "PARLOUR_TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8",
            "PARLOUR_REGISTRATION": "closed",
            "PARLOUR_SECRET_KEYS": f"{KEY} {KEY.upper()}",
            "PARLOUR_MAX_SOCKETS_PER_USER": "3",
            "PARLOUR_DATA": "/elsewhere",
        }
    )
    assert config.rate_posts == Rate(5, 120)
    assert config.session_idle_s == 12 * 3600
    assert config.base_url == "https://chat.example.org"
    assert config.trusted_proxies == ("127.0.0.1", "10.0.0.0/8")
    assert not config.registration_open
    assert config.secret_keys == (KEY, KEY.upper())
    assert config.max_sockets_per_user == 3
    assert config.database == "sqlite:////elsewhere/parlour.sqlite3"


@pytest.mark.parametrize(
    "address",
    ["http://localhost:8000", "https://[2001:db8::1]:8443", "http://10.0.0.7", "https://xn--bcher-kva.example"],
)
def test_an_address_by_which_browsers_come_is_a_base_address(address: str) -> None:
    assert read_config({"PARLOUR_BASE_URL": f"{address}/"}).base_url == address


def test_an_empty_setting_is_none_and_the_command_line_has_the_last_word() -> None:
    assert read_config({"PARLOUR_DATA": " "}).data == Path("data")
    assert read_config({"PARLOUR_DATA": "/a"}, data=Path("/b"), port=None).data == Path("/b")


@pytest.mark.parametrize("name", ["50% done", "a%41b", "what?", "a?b=c%3F", "#1 a@b:c+d", "ü"])
def test_whatever_the_folder_is_called_the_database_lies_in_it(name: str, tmp_path: Path) -> None:
    config = read_config({"PARLOUR_DATA": str(tmp_path / name)})
    assert sqlite_file(config.database) == tmp_path.resolve() / name / "parlour.sqlite3"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PARLOUR_RATE_POSTS", "60"),
        ("PARLOUR_RATE_POSTS", "many/60s"),
        ("PARLOUR_RATE_POSTS", "60/0s"),
        ("PARLOUR_RATE_POSTS", "0/60s"),
        ("PARLOUR_RATE_FRAMES", "00/1s"),
        ("PARLOUR_SESSION_IDLE", "soon"),
        ("PARLOUR_SESSION_IDLE", "0d"),
        ("PARLOUR_SESSION_IDLE", "１d"),
        ("PARLOUR_BASE_URL", "chat.example.org"),
        ("PARLOUR_BASE_URL", "https://chat.example.org/below"),
        ("PARLOUR_BASE_URL", "https://chat.example.org:99999"),
        ("PARLOUR_BASE_URL", "https://chat.example.org:0"),
        ("PARLOUR_BASE_URL", "https://chat.example.org:"),
        ("PARLOUR_BASE_URL", "https://chat example.org"),
        ("PARLOUR_BASE_URL", "https://user@chat.example.org"),
        ("PARLOUR_BASE_URL", "https://user:word@chat.example.org"),
        ("PARLOUR_BASE_URL", "https://chat.example.org?here"),
        ("PARLOUR_BASE_URL", "https://chat.example.org#here"),
        ("PARLOUR_BASE_URL", "https://.example.org"),
        ("PARLOUR_BASE_URL", "https://[::1"),
        ("PARLOUR_REGISTRATION", "perhaps"),
        ("PARLOUR_SECRET_KEYS", "short"),
        ("PARLOUR_MAX_SOCKETS_PER_USER", "-1"),
    ],
)
def test_what_cannot_be_understood_is_named(name: str, text: str) -> None:
    with pytest.raises(BadSetting, match=name) as refused:
        read_config({name: text})
    assert str(refused.value).endswith(".")


def test_every_setting_stands_in_the_readme() -> None:
    told = README.read_text("utf-8")
    assert [name for name, _ in SETTINGS.values() if f"`{name}`" not in told] == []


def test_the_first_start_makes_a_key_that_only_its_owner_reads_and_that_stays(tmp_path: Path) -> None:
    config = Config(data=tmp_path / "data")
    first = with_keys(config)
    assert with_keys(config).secret_keys == first.secret_keys
    assert len(first.secret_keys[0]) >= 32
    assert stat.S_IMODE((tmp_path / "data" / "secret-keys").stat().st_mode) == 0o600


def test_keys_that_are_given_leave_no_file(tmp_path: Path) -> None:
    given = Config(data=tmp_path, secret_keys=(KEY,), push_key="A" * 43)
    assert with_keys(given) == given
    assert list(tmp_path.iterdir()) == []


def test_a_file_without_a_key_is_no_reason_to_lose_all_sessions_silently(tmp_path: Path) -> None:
    (tmp_path / "secret-keys").touch()
    with pytest.raises(BadSetting, match="holds no key"):
        with_keys(Config(data=tmp_path))
