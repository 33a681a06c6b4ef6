"""Finds templates, assets and migrations, in a checkout and in a wheel."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
CHECKOUT = PACKAGE.parent.parent


def folder(name: str) -> Path:
    """The folder `templates`, `assets` or `migrations`: inside the package (a wheel) or at the top (a checkout).

    Raises FileNotFoundError where neither holds it: then the installation is broken.
    """
    for candidate in (PACKAGE / name, CHECKOUT / name):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"Parlour's {name} are not installed beside its code ({PACKAGE}).")
