"""`python3 site`: set Parlour up and run it. Standard library only: nothing is installed when this starts."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "site" / "requirements.txt"
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
OLDEST_PYTHON = (3, 11)
IS_ROOT_ON_DEBIAN = hasattr(os, "geteuid") and os.geteuid() == 0 and Path("/usr/bin/apt-get").exists()


def set_up(lock: Path) -> None:
    """Brings .venv to what `lock` lists, with this checkout itself installed; does nothing a second time."""
    if sys.version_info < OLDEST_PYTHON:
        fail(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.")
    stamp = VENV / f"{lock.parent.name}.stamp"
    if PYTHON.exists() and stamp.exists() and stamp.read_text() == fingerprint(lock):
        return
    make_venv()
    say(f"installing what {lock.relative_to(ROOT)} lists")
    pip("install", "-q", "--require-hashes", "--only-binary", ":all:", "-r", str(lock))
    pip("install", "-q", "--no-deps", "-e", str(ROOT))
    stamp.write_text(fingerprint(lock))


def become(*args: str, **environ: str) -> NoReturn:
    """Goes on as .venv's Python with `args`, in the root of the checkout; does not come back."""
    os.chdir(ROOT)
    everything = {**os.environ, **environ}
    if os.name == "nt":
        sys.exit(subprocess.call([str(PYTHON), *args], env=everything))
    os.execve(PYTHON, [str(PYTHON), *args], everything)


def fingerprint(lock: Path) -> str:
    """What an installation depends on: the lock, the package's own description, this place and its Python."""
    import tomllib  # here, because an older Python has none and should hear a sentence instead

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    described = [project["build-system"], project["project"], project["tool"]["hatch"]]
    parts = [lock.read_text("utf-8"), json.dumps(described), str(ROOT), str(PYTHON.resolve())]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def make_venv() -> None:
    """Makes .venv where there is none, and makes it anew where making it was once cut short."""
    if PYTHON.exists() and succeeds(str(PYTHON), "-m", "pip", "--version"):
        return
    package = f"python3.{sys.version_info.minor}-venv"  # Debian and Ubuntu split it off
    if not has_venv():
        apt_install(package)
    if not has_venv():
        fail(f"this Python has no venv module. Debian, Ubuntu: sudo apt-get install {package}")
    subprocess.check_call([sys.executable, "-m", "venv", "--clear", str(VENV)])


def has_venv() -> bool:
    return succeeds(sys.executable, "-c", "import ensurepip, venv")


def pip(*args: str) -> None:
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", *args]
    if code := subprocess.call(command):
        fail("the installation failed; pip says why above.", code)


def apt_install(*packages: str) -> None:
    """Installs Debian packages where that is ours to do; the caller looks whether it helped."""
    if not IS_ROOT_ON_DEBIAN:
        return
    say(f"installing {' '.join(packages)} with apt-get")
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    quiet = ["-y", "-qq", "--no-install-recommends"]
    subprocess.call(["apt-get", "update", "-qq"], env=environ, stdin=subprocess.DEVNULL)
    subprocess.call(
        ["apt-get", "install", *quiet, *packages],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )


def succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def say(sentence: str) -> None:
    print("parlour:", sentence, flush=True)


def fail(sentence: str, code: int = 1) -> NoReturn:
    print("parlour:", sentence, file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    set_up(LOCK)
    become("-m", "parlour", "serve", *sys.argv[1:])
