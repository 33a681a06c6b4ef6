"""What can happen, as every process hears of it: ids and numbers, never text or HTML."""

import msgspec


class ConversationChanged(msgspec.Struct, frozen=True, tag="changed"):
    """A message was posted, edited or deleted; `revision` is the conversation's newest."""

    conversation_id: int
    revision: int


class ReadMarkMoved(msgspec.Struct, frozen=True, tag="read"):
    """A member has read further; their other pages count anew."""

    conversation_id: int
    user_id: int


class ConversationShown(msgspec.Struct, frozen=True, tag="shown"):
    """A page of this user shows the conversation; what is said there meanwhile need not be notified."""

    conversation_id: int
    user_id: int


class MarksMoved(msgspec.Struct, frozen=True, tag="marks"):
    """Something came to a member of this conversation, or was read; what the others may see of it may have moved."""

    conversation_id: int


class ChoicesChanged(msgspec.Struct, frozen=True, tag="choices"):
    """Somebody decided anew what they show of themselves."""

    user_id: int


class PeopleCame(msgspec.Struct, frozen=True, tag="came"):
    """These users have a page open in that process; said again now and then, and believed for a while."""

    process: str
    user_ids: tuple[int, ...]
    again: bool = False


class PeopleLeft(msgspec.Struct, frozen=True, tag="left"):
    """These users have no page open in that process any more."""

    process: str
    user_ids: tuple[int, ...]


class MemberActs(msgspec.Struct, frozen=True, tag="acts"):
    """A member types or records, or has stopped doing so."""

    conversation_id: int
    user_id: int
    doing: str


class RecordingHeard(msgspec.Struct, frozen=True, tag="heard"):
    """How far a member has come with a recording of this conversation; their own other pages show it."""

    conversation_id: int
    user_id: int
    recording_id: int
    position_s: float
    speed: float | None
    heard: bool  # to its end, now or before


class ConversationStarted(msgspec.Struct, frozen=True, tag="started"):
    """There is a new conversation; its members' lists do not show it yet."""

    conversation_id: int


class SessionsEnded(msgspec.Struct, frozen=True, tag="ended"):
    """These sessions are over; their sockets are told so and closed."""

    session_ids: tuple[int, ...]


class HubReconnected(msgspec.Struct, frozen=True, tag="reconnected"):
    """The line between processes was cut: anything may have happened meanwhile."""


Event = (
    ConversationChanged
    | ReadMarkMoved
    | ConversationShown
    | MarksMoved
    | ChoicesChanged
    | PeopleCame
    | PeopleLeft
    | MemberActs
    | RecordingHeard
    | ConversationStarted
    | SessionsEnded
    | HubReconnected
)
