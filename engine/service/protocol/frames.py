"""What travels: one structure a frame, as MessagePack.

Requests and replies lie in their frames undecoded (`msgspec.Raw`): who gets a frame looks up by its
tag which request it is, and by the request what the reply must be. So there is no list of either,
and a large reply is decoded once.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import msgspec

from engine.errors import UserError
from engine.jobs.events import Event, Noted, Progressed
from engine.jobs.kinds import JobResult, JobSpec
from engine.jobs.kinds.base import decode_hook
from engine.service.protocol.jobs import ContentsChanged
from engine.service.protocol.request import (
    QuestionProgress,
    R,
    Request,
    reply_type,
    request_types,
)

VERSION = 4
"""Changes whenever an older front end and a newer daemon would misunderstand each other."""

NewsBody = Event | ContentsChanged | QuestionProgress


class Hello(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The first frame of every connection, from either side."""

    version: int = VERSION
    worker: str = ""
    """The token that the daemon gave to a worker at its start; empty for a front end."""
    pid: int = 0


class Ask(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A request of a front end, or a question handed to a worker."""

    id: int
    """From 1 on, and never the same twice on a connection."""
    request: msgspec.Raw
    """See `encode_body` and `decode_request`."""


class Answer(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The reply to the request with this id."""

    id: int
    body: msgspec.Raw
    """See `encode_body` and `decode_reply`."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """There is no reply, and this is why."""

    id: int
    """0 where the frame could not be read that this refuses."""
    what: str
    do: str = ""
    bug: bool = False
    """Nobody's mistake but ours; the traceback is in the log and in `trace`."""
    trace: str = ""


class News(msgspec.Struct, frozen=True, tag=True):
    """Something that a watching front end was not waiting for."""

    body: NewsBody


class RunJob(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """To a worker: run this job, then end."""

    job: int
    spec: JobSpec


class Pause(msgspec.Struct, frozen=True, tag=True):
    """To a worker: hold between two steps."""


class Resume(msgspec.Struct, frozen=True, tag=True):
    """To a worker: go on."""


class Abandon(msgspec.Struct, frozen=True, tag=True):
    """To a worker: raise Cancelled at the next step."""


class WorkProgress(msgspec.Struct, frozen=True, tag=True):
    """From a worker: how the work goes."""

    body: Progressed | Noted


class Finished(msgspec.Struct, frozen=True, tag=True):
    """From a worker: the job is done."""

    result: JobResult


Frame = (
    Hello
    | Ask
    | Answer
    | Refusal
    | News
    | RunJob
    | Pause
    | Resume
    | Abandon
    | WorkProgress
    | Finished
)


class _Tag(msgspec.Struct, frozen=True):
    """What tells which request is asked."""

    type: str = ""


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(Frame, dec_hook=decode_hook)
_tags = msgspec.msgpack.Decoder(_Tag)


def pack(frame: Frame) -> bytes:
    """A frame as bytes."""
    return _encoder.encode(frame)


def unpack(data: str | bytes) -> Frame:
    """The frame in `data`; raises msgspec.DecodeError if it is none."""
    if isinstance(data, str):
        raise msgspec.DecodeError("A frame is binary")
    with _readable():
        frame: Frame = _decoder.decode(data)
    return frame


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    """Raise msgspec.DecodeError for all that msgspec raises of a frame that it can't read."""
    try:
        yield
    except RecursionError as error:
        raise msgspec.DecodeError("It is nested beyond reason") from error
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(f"A text in it is no UTF-8: {error.reason}") from error


def encode_body(body: object) -> msgspec.Raw:
    """A request or a reply, as it lies in its frame."""
    return msgspec.Raw(_encoder.encode(body))


def decode_request(frame: Ask) -> Request[Any]:
    """The request in `frame`. Raises UserError for one that isn't known, or can't be understood."""
    try:
        with _readable():
            tag = _tags.decode(frame.request).type
        request = request_types().get(tag)
        if request is None:
            raise UserError(
                f"The engine does not know the request {tag!r}.",
                "If it is of another version, end it with: brainsurg engine stop",
            )
        with _readable():
            decoded: Request[Any] = msgspec.msgpack.decode(
                frame.request, type=request, dec_hook=decode_hook
            )
        return decoded
    except msgspec.DecodeError as error:
        raise UserError(f"The request can't be understood: {error}.") from error


def decode_reply(frame: Answer, request: Request[R]) -> R:
    """The reply in `frame`, to `request`. Raises msgspec.DecodeError for what is none to that."""
    reply = reply_type(type(request))
    return msgspec.msgpack.decode(frame.body, type=reply, dec_hook=decode_hook)
