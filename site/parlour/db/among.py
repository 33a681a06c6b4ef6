"""Asks for the rows whose columns hold any of some values."""

from collections.abc import Collection, Mapping

from sqlalchemy import ColumnElement, Select, any_, bindparam, func, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute

from parlour.db.often import Often

AnyColumn = InstrumentedAttribute[object] | ColumnElement[object]  # a mapped one, or one of an alias


class Among:
    """A statement, and the columns by which its rows are wanted.

    One value is the rule, and the statement for it takes two thirds of the time: SQLite's for many is written anew
    each time, for as many as there are. PostgreSQL takes each column's values as one array.
    """

    def __init__(self, statement: Select[*tuple[object, ...]], *columns: AnyColumn) -> None:
        self._names = [f"wanted_{place}" for place in range(len(columns))]
        named = list(zip(columns, self._names, strict=True))
        self._one = Often(statement.where(*[column == bindparam(name) for column, name in named]))
        value = columns[0] if len(columns) == 1 else tuple_(*columns)
        arrays = [bindparam(name, type_=ARRAY(column.expression.type)) for column, name in named]
        within = value == any_(arrays[0]) if len(columns) == 1 else value.in_(select(*map(func.unnest, arrays)))
        # SQLite uses no index for several columns at once, and would read the whole table: the first one leads it.
        leading = [] if len(columns) == 1 else [columns[0].in_(bindparam(self._names[0], expanding=True))]
        self._many = Often(
            statement.where(*leading, value.in_(bindparam("wanted", expanding=True))),
            statement.where(within),
        )

    def of(self, values: Collection[object]) -> tuple[Often, Mapping[str, object]]:
        """What to execute, and with what. Where there are several columns, each value is a tuple."""
        parts = [value if isinstance(value, tuple) else (value,) for value in values]
        if len(parts) == 1:
            return self._one, dict(zip(self._names, parts[0], strict=True))
        columns = {name: [part[place] for part in parts] for place, name in enumerate(self._names)}
        return self._many, {"wanted": list(values)} | columns
