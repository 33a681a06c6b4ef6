"""Saying something with one's voice: the recording is kept first, and then posted through the same door as a text."""

from collections.abc import Callable, Sequence

import msgspec
from sqlalchemy import bindparam, select

from parlour.conversations.memberships import Place
from parlour.db import Reading
from parlour.errors import TooMany
from parlour.messages.models import Message
from parlour.messages.posting import Posting
from parlour.messages.writing import Stored
from parlour.pace import RightOfWay
from parlour.rates import Limiter, Rate
from parlour.uploads import Upload
from parlour.voice.intake import Intake

SPOKEN_BY = select(Message.recording_id, Message.author_id).where(
    Message.recording_id.in_(bindparam("ids", expanding=True))
)


async def find_speakers(db: Reading, recording_ids: Sequence[int]) -> dict[int, int]:
    """Who said each of them; nobody, where its message is deleted."""
    rows = await db.execute(SPOKEN_BY, {"ids": list(recording_ids)})
    return {row.recording_id: row.author_id for row in rows}


class Speaking:
    """Takes recordings in, and has them posted."""

    def __init__(
        self, posting: Posting, intake: Intake, rate: Rate, posted: Callable[[], None], way: RightOfWay
    ) -> None:
        self._posting = posting
        self._way = way
        self._posted = posted  # hears that there is a new recording
        self._intake = intake
        self._uploads, self._repeats = Limiter(rate), Limiter(rate)

    async def find(self, place: Place, key: str, text: str, upload: Upload) -> Stored | None:
        """The message that this very recording was posted as before; of a new key nothing of the file is read.

        Raises TooMany, since to read it again costs as much as the first time, and what `Upload.received` raises.
        """
        if not await self._posting.knows(place, key):
            return None
        self._repeats.count(place.user_id)
        async with upload.received(self._intake.folder) as received:
            digest = received.digest
        return await self._posting.find(self._posting.draft(place, "", key, text, digest))

    async def post(self, place: Place, author_name: str, key: str, text: str, upload: Upload) -> Stored:
        """Stores the message; its bytes are kept when it is committed. What is sent again is found again, at once.

        Raises TooMany before anything is read, and what `Upload.received`, `Intake.take` and `Posting.store` raise.
        """
        try:
            self._uploads.count(place.user_id)
        except TooMany:
            if found := await self.find(place, key, text, upload):
                return found
            raise
        await self._way.give_way()
        async with upload.received(self._intake.folder) as received:
            await self._way.give_way()
            draft = self._posting.draft(place, author_name, key, text, received.digest)
            if found := await self._posting.find(draft):
                return found
            kept = await self._intake.take(received.file, place.user_id)
        await self._way.give_way()
        # Where this fails, nobody knows whether it was committed; bytes of which no row tells are swept up later.
        stored = await self._posting.store(msgspec.structs.replace(draft, recording=kept))
        if stored.again:
            await self._intake.give_back(kept)
        self._posted()
        return stored
