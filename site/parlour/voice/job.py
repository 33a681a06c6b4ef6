"""What is said between the server, the process that forks, and those that it forks."""

from typing import TypedDict

JOB_BYTES = 4096  # at most; the descriptors of the answer's line, the source and the target come with it
DESCRIPTORS = 3
NO_ROOM = b'{"refused": "no room"}\n'  # for a process, or on the disk
KILLED = b'{"refused": "killed"}\n'  # from outside, which says nothing of the recording


class Job(TypedDict):
    """What is to be done."""

    what: str  # "listen" or "rendition"
    kind: str
    cpu_s: int
    longest_s: float
    yields: bool
