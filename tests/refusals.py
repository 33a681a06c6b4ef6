"""What every refusal has in common, as a test sees it."""

import re

from people import Page, Person


def check_refusal(page: Page, status: int, action: str = "", **held: str) -> None:
    """The status, one sentence, and, where a form is named, what was typed still in it."""
    assert page.status == status, page.alert
    assert re.fullmatch(r"[A-Z][^<>]*\.", page.alert), page.alert
    if action:
        fields = page.form(action).fields
        assert {name: fields.get(name) for name in held} == held
        assert fields["token"]


async def count_articles(person: Person, talk: int) -> int:
    return len((await person.get(f"/conversations/{talk}")).articles)


def check_too_often(page: Page, action: str, **held: str) -> None:
    """429, when to come back, and what was typed."""
    check_refusal(page, 429, action, **held)
    assert 1 <= int(page.answer.headers["retry-after"]) <= 40
