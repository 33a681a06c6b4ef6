"""What a statement gives: its rows, all of them at hand. SQLAlchemy's own result costs more than most questions."""

from collections.abc import Iterator, Sequence

import sqlalchemy

Row = sqlalchemy.Row[tuple[object, ...]]


class Rows:
    """The rows in order."""

    __slots__ = ("_rows",)

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def all(self) -> Sequence[Row]:
        return self._rows

    def first(self) -> Row | None:
        """The first one, if there is any."""
        return self._rows[0] if self._rows else None

    def one_or_none(self) -> Row | None:
        """The only one, if there is any. Raises ValueError where there are more."""
        if len(self._rows) > 1:
            raise ValueError(f"{len(self._rows)} rows came instead of one")
        return self.first()

    def one(self) -> Row:
        """The only one. Raises ValueError for any other number."""
        [row] = self._rows
        return row


def fetched(result: sqlalchemy.CursorResult[tuple[object, ...]] | sqlalchemy.Result[tuple[object, ...]]) -> Rows:
    """The same of what SQLAlchemy gave."""
    has_rows = not isinstance(result, sqlalchemy.CursorResult) or result.returns_rows
    return Rows(result.all() if has_rows else [])
