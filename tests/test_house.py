"""The house is in order: no tool has anything to say about the tree, and everything lies where it belongs."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
TOP_LEVEL = {"pyproject.toml", "README.md", "site", "templates", "assets", "migrations", "tests"}
MADE_BY_USE = {"data", "dist", "__pycache__"}  # .gitignore lists them
LOCKS = ("site/requirements.txt", "tests/requirements.txt")
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "service"}
OPEN_ENDS = re.compile(r"#\s*type:\s*ignore|\bassert True\b|\.wait_for_timeout\(")
# In two halves each, so that this file does not name what it looks for.
REGISTRIES = [f"{name}.{end}" for name, end in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"))] + [
    f"{name}.{end}" for name, end in (("npmjs", "com"), ("deb.debian", "org"), ("proxy.golang", "org"))
]
TOOLS = {
    "ruff format": ("ruff", "format", "--check", "--quiet", "--diff", "."),
    "ruff": ("ruff", "check", "--quiet", "."),
    "mypy": ("mypy",),
    "mypy of python3 site": ("mypy", "site/__main__.py"),
    "mypy of python3 tests": ("mypy", "tests/__main__.py"),
    "djlint": ("djlint", "templates", "--lint", "--quiet"),
    "bandit": ("bandit", "--quiet", "--configfile", "pyproject.toml", "--recursive", "site", "migrations"),
    "lint-imports": ("lint-imports", "--no-logo"),
}


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_has_nothing_to_say(tool: str) -> None:
    program, *args = TOOLS[tool]
    command = [str(Path(sys.executable).parent / program), *args]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, f"{' '.join(TOOLS[tool])}\n{answer.stdout}{answer.stderr}"


def test_the_top_level_holds_only_what_was_agreed() -> None:
    names = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert names - MADE_BY_USE == TOP_LEVEL


def test_site_is_a_folder_and_no_package() -> None:
    assert not (ROOT / "site" / "__init__.py").exists()
    assert not {"site", "/site", "site/", "/site/"} & set((ROOT / ".gitignore").read_text("utf-8").splitlines())


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_what_pyproject_asks_for_by_hash_and_names_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    pins = dict(read_pins(text))
    assert "://" not in text
    for requirement in requirements(with_tests=lock.startswith("tests/")):
        version = pins.get(canonicalize_name(requirement.name))
        assert version, f"{lock} lacks {requirement.name}"
        assert requirement.specifier.contains(version, prereleases=True), f"{lock}: {requirement}, not {version}"


def test_the_tests_run_on_the_very_versions_that_people_get() -> None:
    people, tests = (dict(read_pins((ROOT / lock).read_text("utf-8"))) for lock in LOCKS)
    assert people.items() <= tests.items()


def test_no_file_names_a_package_registry() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {host}"
        for path in files()
        for host in REGISTRIES
        if host.encode() in path.read_bytes()
    ]
    assert not found
    assert not list(ROOT.rglob("uv.lock"))


def test_every_setting_is_in_the_readme_and_the_readme_speaks_of_no_other() -> None:
    setting = re.compile(r"PARLOUR_(?!TEST_)[A-Z][A-Z_]*[A-Z]")
    config = set(setting.findall((ROOT / "site/parlour/config.py").read_text("utf-8")))
    readme = set(setting.findall((ROOT / "README.md").read_text("utf-8")))
    assert readme == config


def test_names_say_what_is_inside_and_nothing_is_left_open() -> None:
    own = [path for path in files() if path.suffix == ".py"]
    assert not [path for path in own if path.stem in VAGUE_NAMES]
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in own
        if path != Path(__file__)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if OPEN_ENDS.search(line)
    ]
    assert not found


def files() -> Iterator[Path]:
    """Every file that the project itself holds; not what tools and people left beside it."""
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        hidden = parts[0].startswith(".") and parts[0] != ".ci"
        if path.is_file() and not hidden and parts[0] not in MADE_BY_USE and "__pycache__" not in parts:
            yield path


def requirements(*, with_tests: bool) -> Iterator[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extra = project["optional-dependencies"]["test"] if with_tests else []
    return map(Requirement, [*project["dependencies"], *extra])


def read_pins(lock: str) -> Iterator[tuple[str, str]]:
    """Name and version of each entry, which must carry a hash."""
    for entry in re.split(r"(?m)^(?=\S)", lock.replace("\\\n", " ")):
        pin = re.match(r"([\w.-]+)==([^\s;]+)", entry)
        assert not entry.strip() or (pin and "--hash=sha256:" in entry), entry
        if pin:
            yield canonicalize_name(pin[1]), pin[2]
