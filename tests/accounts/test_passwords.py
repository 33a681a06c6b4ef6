"""Passwords are hashed at a fair cost, the same for strangers, and never so many at once that others wait."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator

import pytest
from argon2 import PasswordHasher

from parlour.accounts.passwords import (
    AT_ONCE,
    MOST_WAITING,
    PasswordPool,
    PasswordTooLong,
    PasswordTooShort,
    PasswordWithNul,
    TooManySignIns,
    check_password,
    needs_rehash,
)
from parlour.errors import Refusal

PASSWORD = "correct horse"


@pytest.fixture
async def pool() -> AsyncIterator[PasswordPool]:
    pool = PasswordPool()
    yield pool
    pool.close()


@pytest.mark.parametrize("password", ["12345678", "        ", "éééé", "😀😀", "a" * 1_024, "é" * 512, "pass\nword\t"])
def test_eight_to_1024_bytes_are_a_password_and_there_is_no_other_rule(password: str) -> None:
    assert check_password(password) == password.encode()


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", PasswordTooShort),
        ("1234567", PasswordTooShort),
        ("ééé1", PasswordTooShort),
        ("a" * 1_025, PasswordTooLong),
        ("é" * 513, PasswordTooLong),
        ("a" * 1_000_000, PasswordTooLong),
        ("pass\0word", PasswordWithNul),
    ],
)
async def test_what_cannot_be_a_password_is_refused_before_it_is_hashed(
    pool: PasswordPool, password: str, why: type[Refusal]
) -> None:
    start = time.process_time()
    with pytest.raises(why):
        await pool.hash(password)
    assert await pool.verify(None, password) is False
    assert time.process_time() - start < 0.02


async def test_ada_gets_in_with_her_password_and_with_no_other(pool: PasswordPool) -> None:
    stored = await pool.hash(PASSWORD)
    assert await pool.verify(stored, PASSWORD)
    assert not await pool.verify(stored, PASSWORD + " ")
    assert not await pool.verify(stored, PASSWORD.upper())


async def test_one_password_is_stored_differently_each_time_and_at_the_agreed_cost(pool: PasswordPool) -> None:
    hashes = {await pool.hash(PASSWORD) for _ in range(2)}
    assert len(hashes) == 2
    assert all(stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$") for stored in hashes)
    assert not any(needs_rehash(stored) for stored in hashes)


def test_a_hash_made_at_another_cost_is_made_anew() -> None:
    assert needs_rehash(PasswordHasher(time_cost=1, memory_cost=1_024, parallelism=1).hash(PASSWORD))


async def test_a_stranger_costs_as_much_as_a_wrong_password_and_never_gets_in(pool: PasswordPool) -> None:
    stored = await pool.hash(PASSWORD)
    known, unknown = [await cost(pool, stored) for _ in range(5)], [await cost(pool, None) for _ in range(5)]
    assert 0.5 < min(unknown) / min(known) < 2


async def cost(pool: PasswordPool, stored: str | None) -> float:
    """CPU seconds that a wrong password costs."""
    start = time.process_time()
    assert await pool.verify(stored, "wrong password") is False
    return time.process_time() - start


async def test_two_hash_at_once_sixteen_wait_and_the_next_is_told_when_to_come_back(pool: PasswordPool) -> None:
    places = AT_ONCE + MOST_WAITING
    waiting = [asyncio.create_task(pool.hash(PASSWORD)) for _ in range(places)]
    late = asyncio.create_task(pool.verify(None, PASSWORD))
    with pytest.raises(TooManySignIns) as refused:
        await late
    assert refused.value.retry_after_s >= 1
    assert len([thread for thread in threading.enumerate() if thread.name.startswith("passwords")]) <= AT_ONCE
    assert len(set(await asyncio.gather(*waiting))) == places
    assert await pool.verify(None, PASSWORD) is False


async def test_people_who_went_away_leave_their_places_to_others(pool: PasswordPool) -> None:
    gone = [asyncio.create_task(pool.hash(PASSWORD)) for _ in range(AT_ONCE + MOST_WAITING)]
    await asyncio.wait(gone, timeout=0)
    for task in gone:
        task.cancel()
    answers = await asyncio.gather(*gone, return_exceptions=True)
    assert all(isinstance(answer, asyncio.CancelledError) for answer in answers)
    stored = await asyncio.gather(*(pool.hash(PASSWORD) for _ in range(MOST_WAITING)))
    assert len(stored) == MOST_WAITING


async def test_the_page_of_others_is_drawn_while_passwords_are_hashed(pool: PasswordPool) -> None:
    hashing = asyncio.gather(*(pool.hash(PASSWORD) for _ in range(8)))
    turns = 0
    while not hashing.done():
        await asyncio.wait({hashing}, timeout=0)
        turns += 1
    assert len(await hashing) == 8
    assert turns > 100
