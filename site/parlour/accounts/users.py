"""Users: signing up, proving who one is, and finding people by name."""

from datetime import UTC, datetime

import msgspec
from sqlalchemy import false, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from parlour.accounts.models import User
from parlour.accounts.names import BadUserName, parse_name, same_name, skeleton
from parlour.accounts.passwords import PasswordPool, check_password, needs_rehash
from parlour.db import Database, Reading
from parlour.errors import Refusal, SignedOut, Taken

PEOPLE_AT_MOST = 50


class NameTaken(Taken):
    """Somebody has this name, or one that looks like it."""

    sentence = "This name is taken, or looks like one that is. Please choose another."
    field = "username"


class WrongNameOrPassword(SignedOut):
    """Which of the two it was is told to nobody."""

    sentence = "This name and password do not belong together."


class UnknownPerson(Refusal):
    """Nobody has this name."""

    sentence = "There is nobody here by that name."


class Person(msgspec.Struct, frozen=True):
    """Somebody who can be talked to; `me` is the viewer, who can take notes."""

    id: int
    name: str
    me: bool


async def sign_up(database: Database, passwords: PasswordPool, raw_name: str, password: str) -> int:
    """A new user's id. Raises BadUserName, a password's refusals and NameTaken."""
    name = parse_name(raw_name)
    check_password(password)
    async with database.reading() as db:
        if (await db.execute(select(User.id).where(User.skeleton == skeleton(name)))).first():
            raise NameTaken
    hashed = await passwords.hash(password)
    values = {"name": name, "skeleton": skeleton(name), "password_hash": hashed, "created_at": datetime.now(UTC)}
    try:
        async with database.transaction() as db:
            return int((await db.execute(insert(User).values(values).returning(User.id))).one().id)
    except IntegrityError as error:  # somebody else was faster
        raise NameTaken from error


async def prove(database: Database, passwords: PasswordPool, raw_name: str, password: str) -> int:
    """The id of the user whose name and password these are. Raises WrongNameOrPassword, at one cost in every case."""
    async with database.reading() as db:
        found = await find_user(db, raw_name)
    if not await passwords.verify(found.password_hash if found else None, password) or not found:
        raise WrongNameOrPassword
    if needs_rehash(found.password_hash):
        hashed = await passwords.hash(password)
        async with database.transaction() as db:
            await db.execute(update(User).where(User.id == found.id).values(password_hash=hashed))
    return found.id


class Found(msgspec.Struct, frozen=True):
    """A user as found by name."""

    id: int
    name: str
    password_hash: str


async def find_user(db: Reading, raw_name: str) -> Found | None:
    """The user of this name, in any case and width; one who only looks like it is not meant."""
    try:
        name = parse_name(raw_name)
    except BadUserName:
        return None
    row = (
        await db.execute(select(User.id, User.name, User.password_hash).where(User.skeleton == skeleton(name)))
    ).one_or_none()
    return Found(row.id, row.name, row.password_hash) if row and same_name(row.name, name) else None


async def find_people(db: Reading, viewer_id: int, query: str) -> tuple[list[Person], bool]:
    """People whose names hold these letters, and whether there are more; without any letters, everyone.

    The viewer comes first, then whose name it is, then whose name begins with it.
    """
    statement = select(User.id, User.name).order_by(User.id != viewer_id)
    if query := query.strip():
        # A database may know the case of Latin letters alone; what the eye sees of a name has no case at all.
        looks = skeleton(query)
        # What leaves nothing to be seen is no part of how everybody's name looks.
        seen = User.skeleton.contains(looks, autoescape=True) if looks else false()
        statement = statement.where(User.name.icontains(query, autoescape=True) | seen)
        statement = statement.order_by(User.skeleton != looks, ~User.skeleton.startswith(looks, autoescape=True))
    statement = statement.order_by(func.lower(User.name), User.id).limit(PEOPLE_AT_MOST + 1)
    found = [Person(row.id, row.name, row.id == viewer_id) for row in await db.execute(statement)]
    return found[:PEOPLE_AT_MOST], len(found) > PEOPLE_AT_MOST
