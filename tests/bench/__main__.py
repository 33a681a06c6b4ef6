"""`python3 tests/bench`: set up what the tests need, and measure a Parlour on this machine. `--help` says more."""

import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

TESTS = Path(__file__).resolve().parent.parent
SITE = SimpleNamespace(**runpy.run_path(str(TESTS.parent / "site" / "__main__.py"), run_name="parlour_site"))

if __name__ == "__main__":
    SITE.set_up(TESTS / "requirements.txt")
    SITE.become("-m", "bench.measure", *sys.argv[1:], PYTHONPATH=str(TESTS))
