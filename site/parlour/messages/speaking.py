"""Saying something with one's voice: the recording is kept first, and then posted through the same door as a text."""

from collections.abc import Callable

import msgspec

from parlour.conversations.memberships import Place
from parlour.errors import TooMany
from parlour.messages.posting import Posting, Stored
from parlour.rates import Limiter, Rate
from parlour.uploads import Upload
from parlour.voice.intake import Intake


class Speaking:
    """Takes recordings in, and has them posted."""

    def __init__(self, posting: Posting, intake: Intake, rate: Rate, posted: Callable[[], None]) -> None:
        self._posting = posting
        self._posted = posted  # hears that there is a new recording
        self._intake = intake
        self._uploads, self._repeats = Limiter(rate), Limiter(rate)

    async def find(self, place: Place, key: str, text: str, upload: Upload) -> Stored | None:
        """The message that this very recording was posted as before; of a new key nothing of the file is read.

        Raises TooMany, since to read it again costs as much as the first time, and what `Upload.receive` raises.
        """
        if not await self._posting.knows(place, key):
            return None
        self._repeats.count(place.user_id)
        received = await upload.receive(self._intake.folder)
        received.file.close()
        return await self._posting.find(self._posting.draft(place, "", key, text, received.digest))

    async def post(self, place: Place, author_name: str, key: str, text: str, upload: Upload) -> Stored:
        """Stores the message; its bytes are kept when it is committed. What is sent again is found again, at once.

        Raises TooMany before anything is read, and what `Upload.receive`, `Intake.take` and `Posting.store` raise.
        """
        try:
            self._uploads.count(place.user_id)
        except TooMany:
            if found := await self.find(place, key, text, upload):
                return found
            raise
        received = await upload.receive(self._intake.folder)
        with received.file as file:
            draft = self._posting.draft(place, author_name, key, text, received.digest)
            if found := await self._posting.find(draft):
                return found
            kept = await self._intake.take(file, place.user_id)
        # Where this fails, nobody knows whether it was committed; bytes of which no row tells are swept up later.
        stored = await self._posting.store(msgspec.structs.replace(draft, recording=kept))
        if stored.again:
            await self._intake.give_back(kept)
        self._posted()
        return stored
