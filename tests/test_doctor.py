"""The doctor says in one line each what is well and what is not, and changes nothing."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from commands import Answer
from parlour import db, schema
from parlour.config import Config, read_config, with_keys
from parlour.doctor import Finding, examine


def faults(config: Config) -> list[str]:
    return [finding.sentence for finding in findings(config) if finding.verdict == "fault"]


def findings(config: Config) -> list[Finding]:
    return list(examine(lambda: config))


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """The settings of a house that was started once."""
    config = with_keys(Config(data=tmp_path / "data"))
    (config.data / "parlour.sqlite3").touch()
    return config


def test_before_the_first_start_nothing_is_amiss_and_nothing_is_made(tmp_path: Path) -> None:
    assert faults(Config(data=tmp_path / "data")) == []
    assert not (tmp_path / "data").exists()


def test_after_it_nothing_is_amiss(config: Config) -> None:
    assert faults(config) == []
    assert all("\n" not in finding.sentence for finding in findings(config))


@pytest.mark.parametrize("name", ["data", "data/secret-keys", "data/push-key"])
def test_what_others_can_read_is_a_fault(config: Config, name: str) -> None:
    path = config.data.parent / name
    path.chmod(path.stat().st_mode | 0o044)
    [fault] = faults(replace(config, secret_keys=(), push_key=""))
    assert f"chmod go= {path}" in fault


def test_a_folder_that_is_a_file_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    assert faults(Config(data=tmp_path / "data", database_url=f"sqlite:///{tmp_path / 'x'}", secret_keys=("k",)))


@pytest.mark.parametrize(("version", "told"), [("9999", "newer version"), ("0000", "newer version")])
def test_a_schema_that_is_not_ours_is_a_fault(config: Config, version: str, told: str) -> None:
    with closing(sqlite3.connect(config.data / "parlour.sqlite3")) as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES (?)", [version])
        database.commit()
    [fault] = faults(config)
    assert told in fault


def test_a_database_that_does_not_answer_is_a_fault_that_tells_no_password(config: Config) -> None:
    [fault] = faults(replace(config, database_url="postgresql://me:hidden@127.0.0.1:1/none"))
    assert "does not answer" in fault
    assert "hidden" not in fault


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5"])
def test_who_can_be_reached_from_elsewhere_needs_a_base_address(config: Config, host: str) -> None:
    [fault] = faults(replace(config, host=host))
    assert "PARLOUR_BASE_URL" in fault
    proxy = ("10.0.0.0/8",)
    assert faults(replace(config, host=host, base_url="https://chat.example.org", trusted_proxies=proxy)) == []


def test_a_proxy_that_is_no_address_is_a_fault(config: Config) -> None:
    [fault] = faults(replace(config, base_url="https://a.example.org", trusted_proxies=("127.0.0.1", "proxy!")))
    assert "proxy!" in fault


@pytest.mark.parametrize("base_url", ["http://chat.example.org", "https://chat.example.org"])
def test_what_is_worth_knowing_is_noted(config: Config, base_url: str) -> None:
    notes = [finding for finding in findings(replace(config, base_url=base_url)) if finding.verdict == "note"]
    assert len(notes) == 1


def test_a_setting_that_cannot_be_read_is_the_only_thing_that_is_told() -> None:
    def read() -> Config:
        return read_config({"PARLOUR_RATE_POSTS": "often"})

    [finding] = examine(read)
    assert finding.verdict == "fault"
    assert "PARLOUR_RATE_POSTS" in finding.sentence


def test_the_command_ends_with_1_where_there_is_a_fault(config: Config) -> None:
    well = Answer("doctor", "--data", config.data)
    assert (well.status, well.complained) == (0, "")
    assert [line.split()[0] for line in well.said.splitlines()] == ["ok"] * 6
    amiss = Answer("doctor", "--data", config.data, "--host", "0.0.0.0")
    assert amiss.status == 1
    assert "\nfault 0.0.0.0 can be reached from elsewhere" in amiss.said


async def test_a_database_that_is_up_to_date_is_told_so(database_url: str) -> None:
    database = db.connect(database_url, lambda _events: None)
    await schema.migrate(database)
    assert await schema.look(database) is schema.State.CURRENT
    await database.close()
