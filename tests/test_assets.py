"""What browsers fetch once and keep."""

import gzip
from pathlib import Path

import pytest

from parlour.assets import Assets


def lay_out(folder: Path, **scripts: str) -> Assets:
    for name in ("vendor", "scripts", "styles", "icons"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "vendor" / "htmx.js").write_text("var htmx = 1;")
    for name, text in scripts.items():
        (folder / "scripts" / f"{name}.js").write_text(text)
    return Assets(folder)


def test_an_address_changes_with_its_content_and_with_nothing_else(tmp_path: Path) -> None:
    first = lay_out(tmp_path, a="one();").url("app.js")
    assert lay_out(tmp_path, a="one();").url("app.js") == first
    assert lay_out(tmp_path, a="two();").url("app.js") != first


def test_the_library_comes_first_and_our_comments_stay_at_home(tmp_path: Path) -> None:
    assets = lay_out(tmp_path, a="// Why.\n  one( 1 );\n\n", b="two(`a  // b\n  c`);")
    found = assets.find(assets.url("app.js").rpartition("/")[2])
    assert found
    assert found.content == b'var htmx = 1;\n(()=>{"use strict";\none(1);\ntwo(`a  // b\n  c`);\n})();'
    assert gzip.decompress(found.compressed) == found.content


def test_the_voice_script_stands_alone_and_ends_with_what_starts_it(tmp_path: Path) -> None:
    (tmp_path / "scripts" / "voice").mkdir(parents=True)
    for name, text in {"voice": "start();", "wave": "// Why.\nfunction start() {}"}.items():
        (tmp_path / "scripts" / "voice" / f"{name}.js").write_text(text)
    assets = lay_out(tmp_path)
    assets.add_voice('<p title="×">\n')
    found = assets.find(assets.url("voice.js").rpartition("/")[2])
    assert found
    shown = r'const PARTS="<p title=\"×\">\n";'
    assert found.content.decode() == f'(()=>{{"use strict";\n{shown}\nfunction start(){{}}\nstart();\n}})();'


def test_a_template_that_names_no_asset_of_ours_fails(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        lay_out(tmp_path).url("elsewhere.js")
