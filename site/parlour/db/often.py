"""Statements that run again and again, so that it pays to keep what was made of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Delete, Insert, Select, Update

Values = Mapping[str, object] | Sequence[Mapping[str, object]]


@dataclass(frozen=True, eq=False)
class Often:
    """A statement that is built once and asked for every message; a database may write it down once for all."""

    statement: Select[*tuple[object, ...]] | Insert | Update | Delete
    # The same for PostgreSQL, where that knows a way to say it which is one text for however many values.
    on_postgresql: Select[*tuple[object, ...]] | None = None
