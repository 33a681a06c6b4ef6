"""Asks for the rows whose columns hold any of some values."""

from collections.abc import Collection, Mapping

from sqlalchemy import Executable, Select, SQLColumnExpression, bindparam, tuple_


class Among:
    """A statement, and the columns by which its rows are wanted.

    One value is the rule, and the statement for it takes two thirds of the time: the one for many is written anew
    each time, for as many as there are.
    """

    def __init__(self, statement: Select[*tuple[object, ...]], *columns: SQLColumnExpression[object]) -> None:
        self._names = [f"wanted_{place}" for place in range(len(columns))]
        each = zip(columns, self._names, strict=True)
        self._one = statement.where(*[column == bindparam(name) for column, name in each])
        value = columns[0] if len(columns) == 1 else tuple_(*columns)
        self._many = statement.where(value.in_(bindparam("wanted", expanding=True)))

    def of(self, values: Collection[object]) -> tuple[Executable, Mapping[str, object]]:
        """What to execute, and with what. Where there are several columns, each value is a tuple."""
        if len(values) != 1:
            return self._many, {"wanted": list(values)}
        (value,) = values
        parts = value if isinstance(value, tuple) else (value,)
        return self._one, dict(zip(self._names, parts, strict=True))
