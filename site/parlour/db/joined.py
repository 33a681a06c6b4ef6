"""Changes several tables for one row of each: in one question, where the database can."""

from sqlalchemy import Insert, Update, select

from parlour.db.often import Often


class Joined:
    """An insertion that gives rows, and changes of other tables; no two of their values have the same name.

    PostgreSQL takes them all as one statement. SQLite takes them one after the other, and so
    does PostgreSQL where there is more than one row for any.
    """

    def __init__(self, first: Insert, *others: Update) -> None:
        self.each = [Often(first), *map(Often, others)]
        given = first.cte("given")
        self.at_once = Often(select(*given.c).add_cte(*[change.cte() for change in others]))
