"""Hands route handlers and providers what they need by name, once and for all, when the application is built.

The framework could provide these things too, but would look for each of them anew, in a task of its own, for every
request, and that took longer than to store a message.
"""

import functools
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from copy import copy
from typing import ParamSpec, TypeVar

from litestar.handlers import HTTPRouteHandler, WebsocketRouteHandler

Things = Mapping[str, object]
Handler = HTTPRouteHandler | WebsocketRouteHandler

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")


def hand_to(handler: Handler, things: Things) -> Handler:
    """The same handler for the same address, which holds those of the things that its function names."""
    return copy(handler)(holding(handler.fn, things))


def holding(
    function: Callable[Asked, Awaitable[Answer]], things: Things
) -> Callable[Asked, Coroutine[object, object, Answer]]:
    """The function without those parameters that name one of the things: it holds them already."""
    signature = inspect.signature(function)
    held = {name: things[name] for name in signature.parameters if name in things}

    @functools.wraps(function)
    async def holder(*asked: Asked.args, **named: Asked.kwargs) -> Answer:
        named.update(held)
        return await function(*asked, **named)

    left = [parameter for name, parameter in signature.parameters.items() if name not in held]
    vars(holder)["__signature__"] = signature.replace(parameters=left)  # what the framework goes by
    return holder
