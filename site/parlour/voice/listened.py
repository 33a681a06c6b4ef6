"""How far somebody has listened, and how fast they like it; so another device goes on where one stopped."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import and_, bindparam, func, literal_column, select, text
from sqlalchemy.exc import IntegrityError

from parlour.db import Reading, Transaction
from parlour.errors import NotThere
from parlour.voice.models import Hearing, Pace

SPEEDS = (1.0, 1.5, 2.0)

# Who has heard something may never have chosen a speed, and the other way round: both join a row that is always there.
SOMEBODY = select(literal_column("1").label("one")).subquery("somebody")
OF_A_USER = (
    select(func.coalesce(Pace.speed, SPEEDS[0]).label("speed"), Hearing.recording_id, Hearing.position_s, Hearing.heard)
    .select_from(SOMEBODY)
    .outerjoin(Pace, Pace.user_id == bindparam("user_id"))
    .outerjoin(
        Hearing,
        and_(
            Hearing.user_id == bindparam("user_id"),
            Hearing.recording_id.in_(bindparam("recording_ids", expanding=True)),
        ),
    )
)
# Both databases understand these words.
KEEP_PLACE = text(
    "INSERT INTO hearing (recording_id, user_id, position_s, heard)"
    " VALUES (:recording_id, :user_id, :position_s, :heard)"
    " ON CONFLICT (recording_id, user_id)"
    " DO UPDATE SET position_s = excluded.position_s, heard = hearing.heard OR excluded.heard"
)
KEEP_PACE = text(
    "INSERT INTO pace (user_id, speed) VALUES (:user_id, :speed)"
    " ON CONFLICT (user_id) DO UPDATE SET speed = excluded.speed"
)


class Progress(msgspec.Struct, frozen=True):
    """How far one has come with a recording."""

    position_s: float = 0.0
    heard: bool = False


class Listened(msgspec.Struct, frozen=True):
    """What a page should know of somebody's listening: by recording, and how fast they like it, if that was asked."""

    progress: dict[int, Progress] = {}
    speed: float | None = None

    def of(self, recording_id: int) -> Progress:
        return self.progress.get(recording_id, Progress())


NOTHING = Listened()


async def read_listened(db: Reading, user_id: int, recording_ids: Sequence[int]) -> Listened:
    """What that user has heard of these; nothing is asked where there are none."""
    if not recording_ids:
        return NOTHING
    rows = (await db.execute(OF_A_USER, {"user_id": user_id, "recording_ids": list(recording_ids)})).all()
    progress = {row.recording_id: Progress(row.position_s, row.heard) for row in rows if row.recording_id is not None}
    return Listened(progress, rows[0].speed)


async def note_listened(
    db: Transaction, user_id: int, recording_id: int, position_s: float, speed: float | None, *, heard: bool
) -> None:
    """Keeps the place, and the speed if one was chosen; what was heard once stays heard.

    Raises NotThere for what was just deleted.
    """
    place = {"user_id": user_id, "recording_id": recording_id, "position_s": position_s, "heard": heard}
    try:
        await db.execute(KEEP_PLACE, place)
    except IntegrityError as error:
        raise NotThere from error
    if speed is not None:
        await db.execute(KEEP_PACE, {"user_id": user_id, "speed": speed})
