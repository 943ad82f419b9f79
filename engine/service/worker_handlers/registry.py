"""Which function answers which question in a session worker."""

from collections.abc import Callable
from typing import Any, TypeVar

from engine.errors import UserError
from engine.service import protocol as p
from engine.service.session import Session

Asked = TypeVar("Asked", bound=p.Question[Any])
Answering = Callable[[Asked, Session], Any]

_HANDLERS: dict[type[p.Request[Any]], Callable[[Any, Session], Any]] = {}


def in_worker(question: type[Asked]) -> Callable[[Answering[Asked]], Answering[Asked]]:
    """Register the function that answers a question.

    It is called with the question and the session, which loads models and SAEs and has the
    progress to report to. It may raise UserError.
    """

    def register(function: Answering[Asked]) -> Answering[Asked]:
        _HANDLERS[question] = function
        return function

    return register


def answered_questions() -> set[type[p.Request[Any]]]:
    """Every question that is answered here."""
    return set(_HANDLERS)


def answer(request: p.Request[Any], session: Session) -> Any:
    """The reply to a question. Raises UserError, or Cancelled."""
    function = _HANDLERS.get(type(request))
    if function is None:
        raise UserError(f"No worker answers {type(request).__name__}.")
    return function(request, session)
