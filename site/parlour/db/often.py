"""Statements that run again and again, so that it pays to keep what was made of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import Delete, Insert, Select, Update

if TYPE_CHECKING:  # a name that is only there for whoever checks types
    from parlour.db.straight import Straight

Values = Mapping[str, object] | Sequence[Mapping[str, object]]


@dataclass(frozen=True, eq=False)
class Often:
    """A statement that is built once and asked for every message; a database may write it down once for all."""

    statement: Select[*tuple[object, ...]] | Insert | Update | Delete
    # The same for PostgreSQL, where that knows a way to say it which is one text for however many values.
    on_postgresql: Select[*tuple[object, ...]] | None = None
    # As a driver takes it: by the database's name, and the names of the values in the order in which they come.
    written: "dict[tuple[str, tuple[str, ...]], Straight]" = field(default_factory=dict)
