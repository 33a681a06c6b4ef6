"""What can be refused, in the domain's words; each family of refusals has one status, told here and nowhere else."""

from typing import ClassVar


class Refusal(Exception):
    """Something a person asked for that is not done; `sentence` tells them why, plainly.

    The plain family is *understood but refused*: empty, too long, not text.
    """

    status: int = 422
    sentence: ClassVar[str] = "That was not possible."
    field: ClassVar[str] = ""  # of the form, if it is about one alone

    def __init__(self, sentence: str | None = None) -> None:
        super().__init__(sentence or self.sentence)

    def __str__(self) -> str:
        return str(self.args[0])


class BadRequest(Refusal):
    """Not a request for us: a foreign Host, a broken multipart body."""

    status = 400
    sentence = "This request was not understood."


class SignedOut(Refusal):
    """There is no living session."""

    status = 401
    sentence = "Please sign in first."


class NotSameOrigin(Refusal):
    """The same-origin rule: the form did not come from a page of ours."""

    status = 403
    sentence = "This form did not come from this site, or is out of date. Please send it again."


class Forbidden(Refusal):
    """Understood, and not allowed to anyone who asks from here."""

    status = 403
    sentence = "That is not allowed here."


class NotThere(Refusal):
    """Not there, or not yours: nobody can tell which."""

    status = 404
    sentence = "There is nothing here that you can see."


class WrongMethod(Refusal):
    """The place exists, but this cannot be done there."""

    status = 405
    sentence = "That cannot be done at this address."


class TooSlow(Refusal):
    """The request did not arrive in time."""

    status = 408
    sentence = "That took too long to arrive. Please send it again."


class Taken(Refusal):
    """Somebody else has it already."""

    status = 409
    sentence = "That is taken already."


class TooLarge(Refusal):
    """The body is above its limit, so it was not read to its end."""

    status = 413
    sentence = "That is too large to send."


class NotAForm(Refusal):
    """A body of a kind that we do not read."""

    status = 415
    sentence = "This is not a form that can be read here."


class TooMany(Refusal):
    """More often than the limit allows; `retry_after` says in how many seconds it is worth trying again."""

    status = 429
    sentence = "That was too often. Please wait a moment and try again."

    def __init__(self, retry_after_s: int, sentence: str | None = None) -> None:
        super().__init__(sentence)
        self.retry_after_s = max(1, retry_after_s)


class Unavailable(TooMany):
    """We cannot do it just now, through no fault of the person who asked."""

    status = 503
    sentence = "Parlour cannot do that just now. Please try again in a moment."
