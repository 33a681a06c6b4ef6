"""A wheel built from the checkout holds all of Parlour, and runs where there is no checkout."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parent.parent
PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet")
CARRIED = {"templates": "parlour/templates", "assets": "parlour/assets", "migrations": "parlour/migrations"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    python(*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT), cwd=folder)
    [built] = folder.glob("parlour-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    python(*PIP, "install", "--no-deps", "--no-index", "--target", str(folder), str(wheel), cwd=folder)
    return folder


def test_the_wheel_holds_every_module_template_asset_and_migration(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    expected = set(files(ROOT / "site/parlour", "parlour"))
    for folder, place in CARRIED.items():
        expected |= set(files(ROOT / folder, place))
    assert expected <= names
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"parlour"}


def test_the_wheel_says_how_to_use_it_where_there_is_no_checkout(installed: Path, tmp_path: Path) -> None:
    where = python("-c", "import parlour; print(parlour.__file__)", cwd=tmp_path, path=installed)
    assert Path(where.strip()).is_relative_to(installed)
    answer = python("-m", "parlour", "--help", cwd=tmp_path, path=installed)
    assert all(command in answer for command in ("serve", "migrate"))


def test_the_wheel_makes_its_database_where_there_is_no_checkout(installed: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    python("-m", "parlour", "migrate", cwd=tmp_path, path=installed, PARLOUR_DATA=str(data))
    assert (data / "parlour.sqlite3").stat().st_size > 0


def files(folder: Path, place: str) -> Iterator[str]:
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".pyc" and not path.name.startswith("."):
            yield f"{place}/{path.relative_to(folder).as_posix()}"


def python(*args: str, cwd: Path, path: Path | None = None, **environ: str) -> str:
    """What our own Python says, with `path` before what it has installed, and none of our settings."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PARLOUR_")}
    ours |= environ | ({"PYTHONPATH": str(path)} if path else {})
    answer = subprocess.run([sys.executable, *args], cwd=cwd, env=ours, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout
