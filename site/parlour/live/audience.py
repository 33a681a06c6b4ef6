"""Who is there: every open page of this process, by conversation, by user, by session, and by when its turn is."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from parlour.live.sockets import Socket

TURNS = 60  # in a round


class Audience:
    """The open pages. Who may hear of what is asked of the database when it is told, not here."""

    def __init__(self, per_user: int, per_address: int) -> None:
        self._per_user = per_user
        self._per_address = per_address
        self._by_conversation: defaultdict[int, set[Socket]] = defaultdict(set)
        self._by_user: defaultdict[int, set[Socket]] = defaultdict(set)
        self._by_session: defaultdict[int, set[Socket]] = defaultdict(set)
        self._by_other: defaultdict[int, set[Socket]] = defaultdict(set)
        self._by_turn: defaultdict[int, set[Socket]] = defaultdict(set)
        self._turn = 0
        self._addresses: Counter[str] = Counter()

    def has_room(self, user_id: int, address: str) -> bool:
        """Whether one more page may be opened by this user, from this address."""
        return len(self._by_user.get(user_id, ())) < self._per_user and self._addresses[address] < self._per_address

    def enter(self, socket: Socket) -> None:
        self._by_user[socket.user_id].add(socket)
        self._by_session[socket.session_id].add(socket)
        socket.turn = self._turn
        self._by_turn[socket.turn].add(socket)
        self._addresses[socket.address] += 1
        if socket.conversation_id is not None:
            self._by_conversation[socket.conversation_id].add(socket)
        if socket.other_id is not None:
            self._by_other[socket.other_id].add(socket)

    def leave(self, socket: Socket) -> None:
        _drop(self._by_user, socket.user_id, socket)
        _drop(self._by_session, socket.session_id, socket)
        _drop(self._by_turn, socket.turn, socket)
        self._addresses[socket.address] -= 1
        if not self._addresses[socket.address]:
            del self._addresses[socket.address]
        if socket.conversation_id is not None:
            _drop(self._by_conversation, socket.conversation_id, socket)
        if socket.other_id is not None:
            _drop(self._by_other, socket.other_id, socket)

    def everyone(self) -> Iterator[Socket]:
        for sockets in tuple(self._by_user.values()):
            yield from tuple(sockets)

    def next_turn(self) -> tuple[Socket, ...]:
        """The pages whose turn comes now, once in TURNS calls; for a new page the first time after a whole round."""
        self._turn = (self._turn + 1) % TURNS
        return tuple(self._by_turn.get(self._turn, ()))

    def in_conversation(self, conversation_id: int) -> tuple[Socket, ...]:
        return tuple(self._by_conversation.get(conversation_id, ()))

    def of_user(self, user_id: int) -> tuple[Socket, ...]:
        return tuple(self._by_user.get(user_id, ()))

    def watching(self, user_id: int) -> tuple[Socket, ...]:
        """The pages on which others talk with this user."""
        return tuple(self._by_other.get(user_id, ()))

    def of_session(self, session_id: int) -> tuple[Socket, ...]:
        return tuple(self._by_session.get(session_id, ()))

    @property
    def conversations(self) -> list[int]:
        """The ids of the conversations that are open somewhere."""
        return list(self._by_conversation)

    @property
    def sessions(self) -> list[int]:
        return list(self._by_session)


def _drop(index: defaultdict[int, set[Socket]], key: int, socket: Socket) -> None:
    index[key].discard(socket)
    if not index[key]:
        del index[key]
