"""What every request is: a struct that names what it is answered with.

`class GetJob(Request[JobInfo])` is answered with a `JobInfo`, so that what
`await client.ask(GetJob(id=3))` returns has a type. A request is known by being defined. What
answers it is registered in `engine.service.handlers`, or where torch is needed in
`engine.service.worker_handlers`.
"""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar, get_args

import msgspec

from engine.jobs.events import Noted, Progressed

R = TypeVar("R")

_REQUESTS: "dict[str, type[Request[Any]]]" = {}


class Request(msgspec.Struct, Generic[R], frozen=True, kw_only=True, tag=True):
    """A request that is answered with an R."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if not getattr(cls, "__parameters__", ()):  # it says what R is, so it can be asked
            _REQUESTS[cls.__name__] = cls


class Question(Request[R], frozen=True, kw_only=True):
    """A request that needs a model or the weights of an SAE: a session worker answers it, one at a
    time, and says how far it is. Whoever asks can cancel it."""


class Done(msgspec.Struct, frozen=True, tag=True):
    """The request was carried out, and there is nothing to tell."""


class CancelRequest(Request[Done], frozen=True, kw_only=True):
    """Give up request `ask` of this front end, if it is one that can be given up: a question, or a
    search. Others are carried out all the same."""

    ask: int


class QuestionProgress(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """How far the question `ask` of this front end is."""

    ask: int
    body: Progressed | Noted


def request_types() -> Mapping[str, type[Request[Any]]]:
    """Every request by its tag, which is the name of its class."""
    return _REQUESTS


def reply_type(request: type[Request[R]]) -> type[R]:
    """The type of what a request is answered with."""
    (reply,) = get_args(request.__orig_bases__[0])  # type: ignore[attr-defined]
    replied: type[R] = reply
    return replied
