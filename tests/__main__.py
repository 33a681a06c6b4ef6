"""`python3 tests`: set up all that the tests need, and run them; none is left out for want of a tool."""

import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from ctypes.util import find_library
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "tests" / "requirements.txt"
SITE = SimpleNamespace(**runpy.run_path(str(ROOT / "site" / "__main__.py"), run_name="parlour_site"))
PYTHON = str(SITE.PYTHON)
PATIENCE_S = 60
SHELL_COMMAND = "chromium-headless-shell"
BROWSER_COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
TEXT_BROWSERS = ("lynx", "w3m")
FIREFOX_COMMANDS = ("firefox-esr", "firefox")
MAC_APPLICATIONS = ("Chromium", "Google Chrome")
CORES = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
# Half as many again as there are cores, since most tests wait for a server or a browser.
SIDE_BY_SIDE = (f"--numprocesses={(3 * CORES + 1) // 2}", "--dist=worksteal")

ASK_DRIVER = """
import pathlib, playwright
print(next(pathlib.Path(playwright.__file__).parent.glob("driver/node*")))
"""
ASK_OWN_BROWSER = """
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
"""
NO_BROWSER = f"""the browser tests need Chromium, and none was found or could be got.
  Debian:  sudo apt-get install chromium
  Ubuntu:  sudo {PYTHON} -m playwright install --with-deps chromium
  macOS:   brew install --cask chromium
  any:     PARLOUR_TEST_BROWSER=/path/to/chromium python3 tests"""
NO_TEXT_BROWSER = """the tests also use Parlour with text browsers, and lynx or w3m was not found.
  Debian, Ubuntu: sudo apt-get install lynx w3m
  macOS:          brew install lynx w3m"""

NO_FIREFOX = """some tests go through Parlour in Firefox, and none was found.
  Debian:  sudo apt-get install firefox-esr libavcodec-extra
  macOS:   brew install --cask firefox
  any:     PARLOUR_TEST_FIREFOX=/path/to/firefox python3 tests"""

NO_WEBKIT = """some tests go through Parlour in WebKitGTK, and it was not found, or no display that nobody sees.
  Debian, Ubuntu: sudo apt-get install webkit2gtk-driver xvfb
  elsewhere there is none, and tests/journeys/test_webkit.py fails"""


def set_up() -> None:
    """Brings .venv about, and Debian's packages beside it, since the one waits for the processor and the other not."""
    if not SITE.has_venv():  # which would come from Debian, too, and only one can ask at a time
        SITE.set_up(LOCK)
        install_what_is_missing()
        return
    with ThreadPoolExecutor(1) as aside:
        installing = aside.submit(install_what_is_missing)
        SITE.set_up(LOCK)
        installing.result()


def install_what_is_missing() -> None:
    """Asks Debian for everything at once, since each asking takes seconds."""
    if packages := missing():
        SITE.apt_install(*packages)
    for package in missing():  # one that this release does not have keeps the others back
        SITE.apt_install(package)


def missing() -> list[str]:
    """Debian's packages of what is not here."""
    # Playwright's own Node wants libatomic, which a minimal Debian lacks; Firefox wants libavcodec, to play AAC.
    wanted = (
        (sys.platform != "linux" or find_library("atomic"), "libatomic1"),
        *((shutil.which(name), name) for name in TEXT_BROWSERS),
        (find_browser(), "chromium"),
        (find_browser(), "fonts-dejavu-core"),
        (find_shell(), SHELL_COMMAND),
        (find_firefox(), "firefox-esr"),
        (sys.platform != "linux" or find_library("avcodec"), "libavcodec-extra"),
        (find_webkit(), "webkit2gtk-driver"),
        (shutil.which("Xvfb"), "xvfb"),
    )
    return [package for found, package in wanted if not found]


def provide_driver() -> None:
    """Playwright's own Node starts."""
    if (answer := driver()).returncode:
        hint = "Debian, Ubuntu: sudo apt-get install libatomic1"
        SITE.fail(f"Playwright's driver does not start: {answer.stderr.strip()}\n  {hint}")


def provide_browser() -> str:
    """The path of a Chromium that starts."""
    if not find_browser() and os.environ.get("PARLOUR_TEST_DOWNLOAD", "1") == "1":
        SITE.say("downloading Chromium with Playwright")
        subprocess.call([PYTHON, "-m", "playwright", "install", "chromium"])
    return find_browser() or SITE.fail(NO_BROWSER)


def provide_firefox() -> str:
    """The path of a Firefox that starts."""
    return find_firefox() or SITE.fail(NO_FIREFOX)


def provide_webkit() -> str:
    """The path of a WebKit that can be driven; nothing where there cannot be one."""
    if found := shutil.which("Xvfb") and find_webkit():
        return found
    if sys.platform == "linux":
        SITE.fail(NO_WEBKIT)
    SITE.say(NO_WEBKIT)
    return ""


def provide_text_browser() -> None:
    if not all(shutil.which(name) for name in TEXT_BROWSERS):
        SITE.fail(NO_TEXT_BROWSER)


def driver() -> subprocess.CompletedProcess[str]:
    return run(run(PYTHON, "-c", ASK_DRIVER).stdout.strip(), "--version")


def find_browser() -> str | None:
    """The first candidate that says it is a Chromium; Ubuntu's stub of that name only speaks of snap."""
    return next((path for path in browsers() if "Chrom" in run(path, "--version").stdout), None)


def browsers() -> Iterator[str]:
    """Where a Chromium may be, the likeliest first; where the person names one, that one alone."""
    if given := os.environ.get("PARLOUR_TEST_BROWSER"):
        yield given
        return
    yield from filter(None, map(shutil.which, BROWSER_COMMANDS))
    yield from (f"/Applications/{name}.app/Contents/MacOS/{name}" for name in MAC_APPLICATIONS)
    yield run(PYTHON, "-c", ASK_OWN_BROWSER).stdout.strip()


def find_shell() -> str | None:
    """The path of a Chromium without windows, which costs the machine far less than a whole one."""
    return os.environ.get("PARLOUR_TEST_SHELL") or os.environ.get("PARLOUR_TEST_BROWSER") or shutil.which(SHELL_COMMAND)


def find_firefox() -> str | None:
    given = os.environ.get("PARLOUR_TEST_FIREFOX")
    mac = "/Applications/Firefox.app/Contents/MacOS/firefox"
    candidates = [given] if given else [*filter(None, map(shutil.which, FIREFOX_COMMANDS)), mac]
    return next((path for path in candidates if "Firefox" in run(path, "--version").stdout), None)


def find_webkit() -> str | None:
    """The browser stands among the library's own files, and goes with the driver."""
    given = os.environ.get("PARLOUR_TEST_WEBKIT")
    found = sorted(str(path) for path in Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"))
    return next(iter([given] if given else found), None) if shutil.which("WebKitWebDriver") else None


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """What a command answers; one that cannot start or does not end has failed like any other."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))


if __name__ == "__main__":
    set_up()
    provide_driver()
    provide_text_browser()
    browser = provide_browser()
    tools = {
        "BROWSER": browser,
        "SHELL": find_shell() or browser,
        "FIREFOX": provide_firefox(),
        "WEBKIT": provide_webkit(),
    }
    paths = {f"PARLOUR_TEST_{name}": path for name, path in tools.items()}
    # Each of the many processes would compile all of Parlour where Python may not keep what it compiled.
    SITE.become("-m", "pytest", *SIDE_BY_SIDE, *sys.argv[1:], **paths, PYTHONDONTWRITEBYTECODE="")
