"""Runs statements on a database's own driver, once SQLAlchemy has written them.

To prepare, run and read one by way of SQLAlchemy costs several times as much as the driver itself takes, and a message
needs ten of them.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import asyncpg
from sqlalchemy import ARRAY, URL, Delete, Dialect, Insert, Select, TypeDecorator, Update
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.types import TypeEngine

from parlour.db.often import Often, Values
from parlour.db.rows import Row, Rows

Convert = Callable[[object], object]

POSTGRESQL = URL.create("postgresql+asyncpg").get_dialect()()
SQLITE = URL.create("sqlite").get_dialect()()


class Straight:
    """A statement as the driver takes it. What a table's columns default to in Python is not known here."""

    def __init__(
        self,
        statement: Select[*tuple[object, ...]] | Insert | Update | Delete,
        names: list[str],
        dialect: Dialect,
    ) -> None:
        written = statement.compile(dialect=dialect, column_keys=names if isinstance(statement, Insert) else None)
        if written.insert_prefetch or written.update_prefetch:
            raise ValueError(f"values made in Python would be missing from {written}")
        self.text = str(written)
        self._names: list[str] = written.positiontup or []
        self._expanding = [name for name in self._names if written.binds[name].expanding]
        self._texts: dict[tuple[int, ...], str] = {}  # where several values stand for one name, for as many as come
        self._written = written
        self._given: Mapping[str, object] = {name: value for name, value in written.params.items() if name not in names}
        self._sent = [
            (place, convert)
            for place, name in enumerate(self._names)
            if (convert := _converter(written.binds[name].type, dialect))
        ]
        if any(self._names[place] in self._expanding for place, _ in self._sent):
            raise ValueError(f"several values that are not sent as they are: {written}")
        # PostgreSQL's driver gives everything as it should be, but for what is made of it by ourselves.
        self._read = [
            (place, convert)
            for place, column in enumerate(statement.exported_columns)
            if (dialect is SQLITE or isinstance(column.type, TypeDecorator))
            and (convert := column.type.dialect_impl(dialect).result_processor(dialect, None))
        ]
        columns = [str(name) for name, _ in statement.exported_columns.items()]
        self.gives_rows = bool(columns)
        self._make = partial(Row, SimpleResultMetaData(columns), None, {name: at for at, name in enumerate(columns)})

    def send(self, values: Mapping[str, object]) -> list[object]:
        """The values in the order in which the text has them."""
        known = {**self._given, **values}
        sent = [known[name] for name in self._names]
        for place, convert in self._sent:
            sent[place] = convert(sent[place])
        return sent

    def expand(self, values: Mapping[str, object]) -> tuple[str, list[object]]:
        """The text for as many values as there are, and these in its order."""
        if not self._expanding:
            return self.text, self.send(values)
        filled = {name: _filled(values[name]) for name in self._expanding}
        lengths = tuple(map(len, filled.values()))
        if lengths not in self._texts:
            self._texts[lengths] = self._written.construct_expanded_state({**values, **filled}).statement
        sent: list[object] = []
        for name, value in zip(self._names, self.send(values), strict=True):
            sent += [part for each in filled[name] for part in _parts(each)] if name in filled else [value]
        return self._texts[lengths], sent

    def read(self, records: Iterable[Sequence[object]]) -> Rows:
        """What came, with the names of its columns."""
        if not self._read:
            return Rows(list(map(self._make, records)))
        return Rows([self._row(record) for record in records])

    def _row(self, record: Sequence[object]) -> Row:
        row = list(record)
        for place, convert in self._read:
            row[place] = convert(row[place])
        return self._make(row)


def _converter(kind: TypeEngine[object], dialect: Dialect) -> Convert | None:
    """What makes of a value what the driver takes; nothing where it takes it as it is."""
    if not isinstance(kind, ARRAY):
        return kind.dialect_impl(dialect).bind_processor(dialect)
    convert = _converter(kind.item_type, dialect)
    return partial(_convert_each, convert) if convert else None


def _filled(values: object) -> list[object]:
    """The last one again and again, up to a power of two: so a statement has a dozen texts, which stay prepared."""
    if not isinstance(values, list):
        raise TypeError("a list of values was expected")
    return values + values[-1:] * ((1 << (len(values) - 1).bit_length()) - len(values)) if values else values


def _parts(value: object) -> Sequence[object]:
    """Of one that stands for several columns."""
    return value if isinstance(value, tuple) else (value,)


def _convert_each(convert: Convert, values: Iterable[object]) -> list[object]:
    return [convert(value) for value in values]


def straight(often: Often, names: Iterable[str], dialect: Dialect) -> Straight:
    """The statement as the driver takes it, written once for these names of values."""
    kind = dialect.name, tuple(names)
    if kind not in often.written:
        own = often.on_postgresql if dialect is POSTGRESQL else None
        often.written[kind] = Straight(often.statement if own is None else own, sorted(kind[1]), dialect)
    return often.written[kind]


async def execute(connection: asyncpg.Connection, often: Often, values: Values) -> Rows:
    """Runs it on PostgreSQL once, or once for each of a sequence of values. Raises what the driver raises."""
    if isinstance(values, Mapping):
        written = straight(often, values, POSTGRESQL)
        return written.read(await connection.fetch(written.text, *written.send(values)))
    written = straight(often, values[0], POSTGRESQL)
    sent = [written.send(each) for each in values]
    if written.gives_rows:
        return written.read(await connection.fetchmany(written.text, sent))
    await connection.executemany(written.text, sent)
    return written.read([])


def execute_at_once(connection: sqlite3.Connection, often: Often, values: Values) -> Rows:
    """The same on SQLite. Raises what the driver raises."""
    several = [values] if isinstance(values, Mapping) else values
    written = straight(often, several[0], SQLITE)
    return written.read([row for each in several for row in connection.execute(*written.expand(each))])
