"""What travels: one structure a frame, as MessagePack."""

from typing import Any

import msgspec

from engine.jobs.events import Noted, Progressed
from engine.jobs.kinds import JobResult, JobSpec
from engine.jobs.kinds.base import decode_hook
from engine.service.protocol.requests import NewsBody, ReplyBody, Request

VERSION = 3
"""Changes whenever an older front end and a newer daemon would misunderstand each other."""


class Hello(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The first frame of every connection, from either side."""

    version: int = VERSION
    worker: str = ""
    """The token that the daemon gave to a worker at its start; empty for a front end."""
    pid: int = 0


class Ask(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A request of a front end, or a question handed to a worker."""

    id: int
    request: Request


class Answer(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The reply to the request with this id."""

    id: int
    body: ReplyBody


class Refusal(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """There is no reply, and this is why."""

    id: int
    what: str
    do: str = ""
    bug: bool = False
    """Nobody's mistake but ours; the traceback is in the log and in `trace`."""
    trace: str = ""


class News(msgspec.Struct, frozen=True, tag=True):
    """Something that a watching front end was not waiting for."""

    body: NewsBody


class Run(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """To a worker: run this job, then end."""

    job: int
    spec: JobSpec


class Pause(msgspec.Struct, frozen=True, tag=True):
    """To a worker: hold between two steps."""


class Resume(msgspec.Struct, frozen=True, tag=True):
    """To a worker: go on."""


class Abandon(msgspec.Struct, frozen=True, tag=True):
    """To a worker: raise Cancelled at the next step."""


class Report(msgspec.Struct, frozen=True, tag=True):
    """From a worker: how the work goes."""

    body: Progressed | Noted


class Finished(msgspec.Struct, frozen=True, tag=True):
    """From a worker: the job is done."""

    result: JobResult


Frame = Hello | Ask | Answer | Refusal | News | Run | Pause | Resume | Abandon | Report | Finished

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(Frame, dec_hook=decode_hook)


def pack(frame: Frame) -> bytes:
    """A frame as bytes."""
    return _encoder.encode(frame)


def unpack(data: bytes) -> Frame:
    """The frame in `data`; raises msgspec.ValidationError if it is none."""
    frame: Frame = _decoder.decode(data)
    return frame
