"""Only the rooms that face the web know the web framework, and only the roof reads the settings."""

import ast
from collections.abc import Iterator
from pathlib import Path

SITE = Path(__file__).resolve().parent.parent / "site" / "parlour"
WEB = {"litestar", "starlette", "uvicorn"}
ROOF = {"cli.py", "doctor.py", "app.py", "handing.py", "serving.py", "http_limits.py"}
FEATURE_FILES = {"routes.py", "authentication.py", "pages.py", "answering.py"}
GROUND = {"health.py", "hub.py", "templating.py", "porter.py", "security.py", "errors.py", "forms.py", "uploads.py"}
FACING_THE_WEB = ROOF | GROUND


def test_only_what_faces_the_web_imports_the_web_framework() -> None:
    found = [
        f"{place} imports {module}"
        for place, module in imports()
        if module.partition(".")[0] in WEB and not faces_the_web(place)
    ]
    assert not found


def test_only_the_roof_reads_the_settings() -> None:
    found = [
        str(place)
        for place, module in imports()
        if (module + ".").startswith("parlour.config.") and str(place) not in ROOF | {"__main__.py"}
    ]
    assert not found


def faces_the_web(place: Path) -> bool:
    return str(place) in FACING_THE_WEB or place.parts[0] == "live" or place.name in FEATURE_FILES


def imports() -> Iterator[tuple[Path, str]]:
    """Every import below site/parlour: the file that holds it, and the module or name that it asks for."""
    for path in sorted(SITE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            for module in names(node):
                yield path.relative_to(SITE), module


def names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "an import names its whole path"
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []
