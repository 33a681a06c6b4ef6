"""The list of conversations on the page."""

import pytest

from parlour.inbox import routes
from people import Person

HINT = 'href="/people">Find them by name</a>'


async def test_where_the_list_is_full_one_is_told_where_older_conversations_are(
    ada: Person, talk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "ENTRIES_AT_MOST", 2)
    for path in ("/", f"/conversations/{talk}"):
        assert HINT not in (await ada.get(path)).text
    await ada.meet(ada.name)
    for path in ("/", f"/conversations/{talk}"):
        assert HINT in (await ada.get(path)).text
