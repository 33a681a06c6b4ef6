"""The command line, as operators meet it: it says where to go, ends quietly, and explains in a sentence why not."""

import asyncio
import re
import signal
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pexpect
import pytest
from websockets.exceptions import ConnectionClosed

from commands import PATIENCE_S, Answer, command, environment, serving
from people import PASSWORD, Person
from processes import free_ports
from services import Postgres

CLOSED = {"PARLOUR_REGISTRATION": "closed"}


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_it_says_where_to_go_and_ends_quietly(tmp_path: Path, how: signal.Signals) -> None:
    with serving(tmp_path / "data") as server:
        assert re.fullmatch(r"parlour: open http://localhost:\d+\n", server.line)
        async with Person(server.url) as ada:
            await ada.sign_up("Ada")
            async with ada.listen() as socket:
                assert server.end(how) == (0, "")
                with pytest.raises(ConnectionClosed) as over:
                    await socket.recv()
                assert over.value.rcvd
                assert over.value.rcvd.code == 1012


async def test_after_a_crash_it_starts_again_by_itself_and_nothing_is_gone(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        async with Person(server.url) as ada:
            await ada.sign_up("Ada")
            notes = await ada.meet("Ada")
            assert (await ada.say(notes, "remember this")).status == 303
        assert server.end(signal.SIGKILL)[0] == -signal.SIGKILL
    with serving(tmp_path / "data") as server:
        async with Person(server.url) as ada:
            assert (await ada.sign_in("Ada")).status == 303
            assert "remember this" in (await ada.get(f"/conversations/{notes}")).text


def test_what_it_makes_is_its_owners_alone(tmp_path: Path) -> None:
    data = tmp_path / "deep" / "data"
    with serving(data):
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
        assert {"secret-keys", "push-key"} <= {file.name for file in data.iterdir()}
        for file in data.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_its_keys_stay_the_same(tmp_path: Path) -> None:
    first: list[str] = []
    for _start in range(2):
        with serving(tmp_path):
            first += [(tmp_path / name).read_text() for name in ("secret-keys", "push-key")]
    assert first[:2] == first[2:]
    assert all(len(key.strip()) >= 32 for key in first)


def test_with_keys_from_outside_it_starts_in_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    with serving(tmp_path / "data", PARLOUR_SECRET_KEYS="k" * 32) as server:
        assert server.url
        assert not (tmp_path / "data" / "secret-keys").exists()


def test_the_base_address_is_what_it_prints(tmp_path: Path) -> None:
    with serving(tmp_path, PARLOUR_BASE_URL="https://chat.example.org/") as server:
        assert server.line == "parlour: open https://chat.example.org\n"


def test_a_second_server_on_the_same_folder_is_refused_as_long_as_the_first_one_lives(tmp_path: Path) -> None:
    with serving(tmp_path) as first:
        refusal = Answer("serve", "--port", "0", "--data", tmp_path).refusal
        assert str(tmp_path / "parlour.sqlite3") in refusal
        assert "only one" in refusal
        (tmp_path / "link.sqlite3").symlink_to(tmp_path / "parlour.sqlite3")
        by_another_name = f"sqlite:///{tmp_path / 'link.sqlite3'}"
        settings = {"PARLOUR_DATABASE_URL": by_another_name}
        assert "only one" in Answer("serve", "--port", "0", "--data", tmp_path, **settings).refusal
        assert first.process.poll() is None
        first.end(signal.SIGKILL)
    with serving(tmp_path) as second:
        assert second.url


def test_a_busy_port_is_explained(tmp_path: Path) -> None:
    with serving(tmp_path / "a") as server:
        port = server.url.rpartition(":")[2]
        refusal = Answer("serve", "--port", port, "--data", tmp_path / "b").refusal
        assert port in refusal
        assert "--port" in refusal


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"PARLOUR_RATE_POSTS": "often"}, "PARLOUR_RATE_POSTS"),
        ({"PARLOUR_SECRET_KEYS": "short"}, "PARLOUR_SECRET_KEYS"),
        ({"PARLOUR_DATABASE_URL": "mysql://a:hidden@b/c"}, "postgresql://"),
        ({"PARLOUR_DATABASE_URL": "hidden"}, "postgresql://"),
        ({"PARLOUR_DATA": "/dev/null/data"}, "/dev/null"),
        ({"PARLOUR_DATABASE_URL": "sqlite:////dev/null/x.sqlite3"}, "/dev/null"),
    ],
)
def test_a_setting_that_makes_no_sense_is_explained(settings: dict[str, str], named: str, tmp_path: Path) -> None:
    data = {} if "PARLOUR_DATA" in settings else {"PARLOUR_DATA": str(tmp_path)}
    refusal = Answer("serve", "--port", "0", **settings, **data).refusal
    assert named in refusal
    assert "hidden" not in refusal


@pytest.mark.parametrize("host", ["203.0.113.7", "no such name"])
def test_an_address_that_is_not_ours_is_explained(host: str, tmp_path: Path) -> None:
    assert host in Answer("serve", "--host", host, "--port", "0", "--data", tmp_path).refusal


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_port_that_is_none_is_explained(port: str, tmp_path: Path) -> None:
    answer = Answer("serve", f"--port={port}", "--data", tmp_path)
    assert answer.status == 2
    assert "Traceback" not in answer.complained


def test_a_database_that_does_not_answer_is_explained(tmp_path: Path) -> None:
    url = f"postgresql://a:hidden@127.0.0.1:{free_ports(1)[0]}/b"
    answer = Answer("serve", "--port", "0", "--data", tmp_path, PARLOUR_DATABASE_URL=url)
    assert (answer.status, answer.said) == (1, "")
    assert answer.complained.endswith("parlour: The database does not answer.\n")
    assert "Traceback" not in answer.complained
    assert "hidden" not in answer.complained


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("migrate",)])
async def test_a_database_that_is_not_there_is_explained(
    command: tuple[str, ...], tmp_path: Path, postgres: Postgres
) -> None:
    url = postgres.url_of("nosuch")
    answer = await asyncio.to_thread(Answer, *command, PARLOUR_DATA=str(tmp_path), PARLOUR_DATABASE_URL=url)
    assert (answer.status, answer.said) == (1, "")
    assert '"nosuch" does not exist' in answer.complained
    assert answer.complained.endswith("parlour: The database does not answer.\n")
    assert "Traceback" not in answer.complained


def test_a_file_that_is_no_database_and_a_database_of_another_program_are_explained(tmp_path: Path) -> None:
    file = tmp_path / "parlour.sqlite3"
    file.write_bytes(b"\xa5" * 8192)
    answer = Answer("serve", "--port", "0", "--data", tmp_path)
    assert answer.complained.endswith("is damaged, or is no database of SQLite. Put a backup in its place.\n")
    assert "Traceback" not in answer.complained
    file.unlink()
    with closing(sqlite3.connect(file)) as database:
        database.execute('CREATE TABLE "user" (x)')
    for asked in (("serve", "--port", "0"), ("migrate",)):
        assert "another program" in Answer(*asked, "--data", tmp_path).refusal


def test_a_database_of_a_newer_version_is_refused_by_every_command(tmp_path: Path) -> None:
    assert Answer("migrate", "--data", tmp_path).said == "parlour: the database is up to date\n"
    with closing(sqlite3.connect(tmp_path / "parlour.sqlite3")) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    for asked in (("serve", "--port", "0"), ("migrate",)):
        assert "newer version" in Answer(*asked, "--data", tmp_path).refusal
    assert "newer version" in Answer("user", "add", "Ada", "--data", tmp_path, stdin=PASSWORD).refusal


async def test_where_registration_is_closed_the_operator_lets_people_in(tmp_path: Path) -> None:
    with serving(tmp_path, **CLOSED) as server:
        added = Answer("user", "add", "Ada", "--data", tmp_path, stdin=f"{PASSWORD}\n", **CLOSED)
        assert (added.status, added.said, added.complained) == (0, "parlour: Ada can sign in now\n", "")
        async with Person(server.url) as ada:
            assert (await ada.get("/sign-up")).status == 403
            assert (await ada.sign_in("Ada")).status == 303


@pytest.mark.parametrize(("name", "password"), [("A", PASSWORD), ("Ada", "short"), ("Ada", "")])
def test_whoever_cannot_be_let_in_is_explained(name: str, password: str, tmp_path: Path) -> None:
    assert Answer("user", "add", name, "--data", tmp_path, stdin=password).refusal


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_a_password_that_is_no_text_is_explained(locale: str, tmp_path: Path) -> None:
    answer = Answer("user", "add", "Ada", "--data", tmp_path, stdin=f"{PASSWORD} \udce9\n", LC_ALL=locale)
    assert "UTF-8" in answer.refusal
    assert "codec" not in answer.refusal


def test_a_name_is_given_once(tmp_path: Path) -> None:
    assert Answer("user", "add", "Ada", "--data", tmp_path, stdin=PASSWORD).status == 0
    assert "taken" in Answer("user", "add", "ADA", "--data", tmp_path, stdin=PASSWORD).refusal


@pytest.mark.parametrize(("again", "said"), [(PASSWORD, "Ada can sign in now"), ("another", "differ")])
def test_in_a_terminal_the_password_is_asked_for_twice_and_never_shown(again: str, said: str, tmp_path: Path) -> None:
    program, *args = command("user", "add", "Ada", "--data", tmp_path)
    terminal = pexpect.spawn(program, args, env=environment({}), timeout=PATIENCE_S, encoding="utf-8")
    terminal.expect("Password: ")
    terminal.sendline(PASSWORD)
    terminal.expect("Once more: ")
    shown = terminal.before
    terminal.sendline(again)
    terminal.expect(said)
    assert PASSWORD not in shown + terminal.before
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == (again != PASSWORD)
