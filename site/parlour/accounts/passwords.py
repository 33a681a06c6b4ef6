"""Hashes and verifies passwords, a few at a time, so that signing in cannot use up the machine."""

import asyncio
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import BoundedSemaphore
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from parlour.errors import Refusal, Unavailable

SHORTEST_PASSWORD = 8  # bytes of UTF-8
LONGEST_PASSWORD = 1_024  # bytes of UTF-8

# OWASP's minimum for argon2id: 19 MiB and two passes, some 25 ms of one core.
MEMORY_KIB = 19 * 1_024
PASSES = 2
LANES = 1
SALT_BYTES = 16
HASH_BYTES = 32

AT_ONCE = 2
MOST_WAITING = 16
RETRY_AFTER_S = 1  # the whole queue is done in a quarter of it

HASHER = PasswordHasher(PASSES, MEMORY_KIB, LANES, HASH_BYTES, SALT_BYTES)

Answer = TypeVar("Answer")


class PasswordTooShort(Refusal):
    """Fewer than `SHORTEST_PASSWORD` bytes."""

    sentence = "A password has at least 8 characters."
    field = "password"


class PasswordTooLong(Refusal):
    """More than `LONGEST_PASSWORD` bytes."""

    sentence = "This password is too long: 1,024 bytes is the most."
    field = "password"


class PasswordWithNul(Refusal):
    """NUL cannot be typed, and programs differ in what they make of it."""

    sentence = "This password holds a character (NUL) that cannot be part of it."
    field = "password"


class TooManySignIns(Unavailable):
    """Every place in the queue for passwords is taken."""

    sentence = "Too many people are signing in at this moment. Please try again in a second."


def check_password(password: str) -> bytes:
    """The password as the bytes that are hashed; refuses what cannot be one."""
    data = password.encode()
    if len(data) < SHORTEST_PASSWORD:
        raise PasswordTooShort
    if len(data) > LONGEST_PASSWORD:
        raise PasswordTooLong
    if 0 in data:
        raise PasswordWithNul
    return data


def needs_rehash(stored: str) -> bool:
    """Was it hashed at another cost than today's?"""
    return HASHER.check_needs_rehash(stored)


class PasswordPool:
    """Two threads and a short queue; whoever finds the queue full is told to come back."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, "passwords")
        self._places = BoundedSemaphore(AT_ONCE + MOST_WAITING)

    async def hash(self, password: str) -> str:
        """The hash to store; raises `PasswordTooShort`, `PasswordTooLong`, `PasswordWithNul`, `TooManySignIns`."""
        return await self._run(partial(HASHER.hash, check_password(password)))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Is this the password of the stored hash? At the same cost where there is no such user (None).

        What cannot be a password is nobody's, and is not hashed. Raises `TooManySignIns`.
        """
        try:
            data = check_password(password)
        except (PasswordTooShort, PasswordTooLong, PasswordWithNul):
            return False
        return await self._run(partial(_verify, NOBODYS_HASH if stored is None else stored, data))

    def close(self) -> None:
        """Waits for what is being hashed; what still stands in the queue is cancelled."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    async def _run(self, work: Callable[[], Answer]) -> Answer:
        if not self._places.acquire(blocking=False):
            raise TooManySignIns(RETRY_AFTER_S)
        job = self._threads.submit(work)
        # By the job and not by who waits for it: a browser that goes away does not stop a thread.
        job.add_done_callback(self._give_place_back)
        return await asyncio.wrap_future(job)

    def _give_place_back(self, _job: Future[Answer]) -> None:
        self._places.release()


def _verify(stored: str, password: bytes) -> bool:
    try:
        return HASHER.verify(stored, password)
    except VerifyMismatchError:
        return False


def _encode(data: bytes) -> str:
    return b64encode(data).decode().rstrip("=")


# Zeros, which no password hashes to; made by hand, so that starting costs no hashing.
NOBODYS_HASH = (
    f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${_encode(bytes(SALT_BYTES))}${_encode(bytes(HASH_BYTES))}"
)
