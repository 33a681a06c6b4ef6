"""Who is here, in whichever process: several pages are one person, and one that has fallen silent is not here."""

import asyncio
import secrets
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from parlour.events import Event, PeopleCame, PeopleLeft
from parlour.live.audience import Audience

AWAY_AFTER_S = 4.0  # between two pages of one person there is a moment without any
SILENT_AFTER_S = 29.0  # a page answers each beat; after two that it did not answer it is not here
BELIEVED_S = 40.0  # how long another process is believed without saying it again
IDS_AT_ONCE = 500  # in one event


class Presence:
    """Keeps who is here, and tells the other processes of those who are in this one."""

    def __init__(self, audience: Audience, publish: Callable[[Sequence[Event]], None]) -> None:
        self._audience = audience
        self._publish = publish
        self._me = secrets.token_hex(8)
        self._here: set[int] = set()
        self._held: Counter[int] = Counter()  # by user, pages that never say anything and are there until they end
        self._elsewhere: defaultdict[int, dict[str, float]] = defaultdict(dict)  # until when which process is believed

    @property
    def here(self) -> frozenset[int]:
        """Who has a page open in this process."""
        return frozenset(self._here)

    def is_here(self, user_id: int) -> bool:
        now = time.monotonic()
        return user_id in self._here or any(until > now for until in self._elsewhere.get(user_id, {}).values())

    def look(self, user_id: int) -> None:
        """A page of theirs has come or fallen silent."""
        silent_since = asyncio.get_running_loop().time() - SILENT_AFTER_S
        here = any(page.greeted and page.wire.heard_at > silent_since for page in self._audience.of_user(user_id))
        here = here or self._held[user_id] > 0
        if here and user_id not in self._here:
            self._here.add(user_id)
            self._publish([PeopleCame(self._me, (user_id,))])
        elif not here and user_id in self._here:
            self._here.discard(user_id)
            self._publish([PeopleLeft(self._me, (user_id,))])

    def hold(self, user_id: int) -> None:
        """A page of theirs has come that will not say anything."""
        self._held[user_id] += 1
        self.look(user_id)

    def release(self, user_id: int) -> None:
        """Such a page has ended."""
        self._held[user_id] -= 1
        self._held += Counter()  # keeps none of whom there is no such page
        self.look_soon(user_id)

    def look_soon(self, user_id: int) -> None:
        """A page of theirs has gone; perhaps the next one is on its way."""
        asyncio.get_running_loop().call_later(AWAY_AFTER_S, self.look, user_id)

    def renew(self) -> None:
        """Looks at everybody, and says again who is here."""
        for user_id in tuple(self._here):
            self.look(user_id)
        self._publish([PeopleCame(self._me, ids, again=True) for ids in _portions(self._here)])

    def hear(self, event: PeopleCame | PeopleLeft) -> list[int]:
        """Takes a process at its word; who has come or gone by that."""
        if event.process == self._me:
            return [] if isinstance(event, PeopleCame) and event.again else list(event.user_ids)
        before = {user_id: self.is_here(user_id) for user_id in event.user_ids}
        for user_id in event.user_ids:
            if isinstance(event, PeopleCame):
                self._elsewhere[user_id][event.process] = time.monotonic() + BELIEVED_S
            else:
                self._elsewhere[user_id].pop(event.process, None)
        return [user_id for user_id, was_here in before.items() if self.is_here(user_id) != was_here]

    def is_own(self, event: PeopleLeft) -> bool:
        """Whether they left this very process."""
        return event.process == self._me

    def forget_silent(self) -> list[int]:
        """Believes no process any longer that has said nothing for a while; who is gone by that."""
        now = time.monotonic()
        gone: list[int] = []
        for user_id, processes in tuple(self._elsewhere.items()):
            believed = {process: until for process, until in processes.items() if until > now}
            if believed:
                self._elsewhere[user_id] = believed
                continue
            del self._elsewhere[user_id]
            if processes and user_id not in self._here:
                gone.append(user_id)
        return gone


def _portions(ids: Iterable[int]) -> Iterator[tuple[int, ...]]:
    every = sorted(ids)
    for start in range(0, len(every), IDS_AT_ONCE):
        yield tuple(every[start : start + IDS_AT_ONCE])
