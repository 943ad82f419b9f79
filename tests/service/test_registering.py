"""Requests, questions and kinds of jobs are added by being registered, and by nothing else.

Each is registered in a test, and goes all the way from a client through the daemon and back. And
what the daemon makes of frames that it can't read.
"""

import asyncio
import contextlib
import inspect
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, unix_connect

from engine.errors import UserError
from engine.jobs.kinds import JobResult, JobSpec
from engine.jobs.kinds.base import _KINDS, _RESULTS, register_kind
from engine.progress import Cancelled, Progress
from engine.service import protocol as p
from engine.service.client import Client, attach
from engine.service.daemon import Daemon
from engine.service.handlers import registry
from engine.service.handlers.context import Context, ThreadContext
from engine.service.handlers.registry import answered_requests, in_thread, on_loop
from engine.service.pool import Pool
from engine.service.protocol.request import _REQUESTS
from engine.service.runtime import socket_path
from engine.service.session import Session
from engine.service.worker_handlers import registry as worker_registry
from engine.service.worker_handlers.registry import answered_questions, in_worker
from engine.workspace.folders import Workspace
from tests.service.played_worker import PlayedWorker
from tests.service.real_engine import finished

# What there is


def test_every_request_is_answered_somewhere() -> None:
    requests = set(p.request_types().values())
    assert answered_requests() | answered_questions() == requests
    assert all(issubclass(question, p.Question) for question in answered_questions())
    assert {request for request in requests if issubclass(request, p.Question)} == (
        answered_questions()
    )


def test_every_handler_returns_what_its_request_is_answered_with() -> None:
    assert p.reply_type(p.GetJob) is p.JobInfo
    functions = [
        *((request, handler.answer) for request, handler in registry._HANDLERS.items()),
        *worker_registry._HANDLERS.items(),
    ]
    for request, function in functions:
        hints = get_type_hints(inspect.unwrap(function))
        assert (*hints.values(),)[0] is request
        assert hints["return"] == p.reply_type(request)


# What is added


class Sum(msgspec.Struct, frozen=True, tag=True):
    sum: int
    by: int
    """Process or thread that has added."""


@pytest.fixture
def nothing_stays() -> Iterator[None]:
    """What a test registers is forgotten after it."""
    tables: list[dict[Any, Any]] = [
        *(registry._HANDLERS, worker_registry._HANDLERS, _REQUESTS, _KINDS, _RESULTS)
    ]
    before = [dict(table) for table in tables]
    yield
    for table, entries in zip(tables, before, strict=True):
        table.clear()
        table.update(entries)


@pytest_asyncio.fixture
async def socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nothing_stays: None
) -> AsyncIterator[Path]:
    """Of a daemon in this process, whose workers are threads."""
    workspace = Workspace.open(tmp_path / "ws")
    path = socket_path(workspace)

    async def take(*_: object, **__: object) -> PlayedWorker:
        return PlayedWorker(workspace)

    monkeypatch.setattr(Pool, "take", take)
    monkeypatch.setattr(Pool, "warm", lambda *_, **__: None)
    daemon = Daemon(workspace)
    serving = asyncio.create_task(daemon.serve())
    while not path.exists():
        await asyncio.sleep(0.01)
    yield path
    daemon._end.set()
    await serving


@pytest_asyncio.fixture
async def client(socket: Path, tmp_path: Path) -> AsyncIterator[Client]:
    connected = await attach(tmp_path / "ws")
    assert connected is not None
    async with connected:
        yield connected


async def test_a_new_request_is_answered_on_the_loop(client: Client) -> None:
    class Add(p.Request[Sum], frozen=True, kw_only=True):
        numbers: list[int]

    with pytest.raises(UserError, match="does not answer Add"):
        await client.ask(Add(numbers=[1]))

    @on_loop(Add)
    async def add(request: Add, context: Context) -> Sum:
        if not request.numbers:
            raise UserError("There is nothing to add.")
        return Sum(sum(request.numbers), threading.get_ident())

    assert await client.ask(Add(numbers=[1, 2])) == Sum(3, threading.get_ident())
    with pytest.raises(UserError, match="nothing to add"):
        await client.ask(Add(numbers=[]))


async def test_a_new_request_is_answered_in_a_thread_and_given_up(client: Client) -> None:
    class AddForever(p.Request[Sum], frozen=True, kw_only=True):
        once: bool

    began, ended = threading.Event(), threading.Event()

    @in_thread(AddForever)
    def add_forever(request: AddForever, context: ThreadContext) -> Sum:
        if request.once:
            return Sum(1, threading.get_ident())
        try:
            while True:
                began.set()
                context.progress("add", 0)
        except Cancelled:
            ended.set()
            raise

    reply = await client.ask(AddForever(once=True))
    assert reply.by != threading.get_ident()
    asking = asyncio.create_task(client.ask(AddForever(once=False)))
    assert await asyncio.to_thread(began.wait, 30)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await asyncio.to_thread(ended.wait, 30)


async def test_a_new_question_is_answered_by_a_worker_and_given_up(client: Client) -> None:
    class AddSlowly(p.Question[Sum], frozen=True, kw_only=True):
        numbers: list[int]

    began = threading.Event()

    @in_worker(AddSlowly)
    def add_slowly(question: AddSlowly, session: Session) -> Sum:
        if not question.numbers:
            while True:
                began.set()
                session.progress("add", 0)
        session.progress.note("It takes a while.")
        return Sum(sum(question.numbers), 0)

    heard: list[p.Progressed | p.Noted] = []
    assert await client.ask(AddSlowly(numbers=[1, 2]), heard.append) == Sum(3, 0)
    assert heard == [p.Noted(text="It takes a while.")]
    asking = asyncio.create_task(client.ask(AddSlowly(numbers=[])))
    assert await asyncio.to_thread(began.wait, 30)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await client.ask(AddSlowly(numbers=[4])) == Sum(4, 0)


class DistilResult(JobResult, msgspec.Struct, frozen=True, kw_only=True, tag="distil"):
    loss: float


def run_distil(spec: JobSpec, workspace: Workspace, progress: Progress) -> DistilResult:
    progress.note(f"{spec.subject} is small.")
    return DistilResult(loss=0.5)


async def test_a_new_kind_of_job_is_submitted_run_and_listed(client: Client) -> None:
    @register_kind
    class Distil(
        JobSpec, msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="distil"
    ):
        work = f"{__name__}:run_distil"
        result = DistilResult

        name: str

        @property
        def subject(self) -> str:
            return self.name

    spec = Distil(name="r1")
    assert (await client.ask(p.Submit(spec=spec))).spec == spec
    job = await finished(client, 1)
    assert (job.spec, job.state, job.error) == (spec, "done", "")
    assert job.result == DistilResult(loss=0.5)
    assert (await client.ask(p.ListJobs())).jobs == [job]
    events = (await client.ask(p.GetEvents(job=1))).events
    assert p.Noted(text="r1 is small.") in [event.body for event in events]


# What can't be read


@contextlib.asynccontextmanager
async def connection_to(socket: Path) -> AsyncIterator[ClientConnection]:
    async with unix_connect(str(socket), uri="ws://engine/") as connection:
        await connection.send(p.pack(p.Hello()))
        await connection.recv()
        yield connection


def ask(request: bytes) -> bytes:
    return p.pack(p.Ask(id=7, request=msgspec.Raw(request)))


@pytest.mark.parametrize(
    ("frame", "id", "sentence"),
    [
        (b"", 0, "can't be read"),
        (b"\xc1\xff\x00", 0, "can't be read"),
        ("Ask", 0, "binary"),
        (msgspec.msgpack.encode({"type": "Ask"}), 0, "id"),
        (msgspec.msgpack.encode({"type": "Nonsense", "id": 7}), 0, "Nonsense"),
        (p.pack(p.Abandon()), 0, "does not send Abandon"),
        (
            ask(msgspec.msgpack.encode({"type": "Explode"})),
            7,
            "does not know the request 'Explode'",
        ),
        (ask(msgspec.msgpack.encode({"type": "Question"})), 7, "'Question'"),
        (ask(msgspec.msgpack.encode({"type": "GetJob", "id": "x"})), 7, "can't be understood"),
        (ask(msgspec.msgpack.encode([1, 2])), 7, "can't be understood"),
        (ask(msgspec.msgpack.encode({"type": "Submit", "spec": {"kind": "x"}})), 7, "kind of job"),
        (ask(msgspec.msgpack.encode({"type": "Submit", "spec": 3})), 7, "can't be understood"),
    ],
)
async def test_a_frame_that_cannot_be_read_is_refused_and_the_connection_lives(
    socket: Path, frame: str | bytes, id: int, sentence: str
) -> None:
    async with connection_to(socket) as connection:
        await connection.send(frame)
        refusal = p.unpack(await connection.recv())
        assert isinstance(refusal, p.Refusal)
        assert (refusal.id, refusal.bug) == (id, False)
        assert sentence in refusal.what
        await connection.send(p.pack(p.Ask(id=8, request=p.encode_body(p.ListJobs()))))
        answer = p.unpack(await connection.recv())
        assert isinstance(answer, p.Answer)
        assert p.decode_reply(answer, p.ListJobs()) == p.JobList([])


@pytest.mark.parametrize("hello", [b"\xc1", "Hello", p.pack(p.Pause())])
async def test_who_does_not_say_hello_is_hung_up_on_and_nobody_else(
    socket: Path, hello: str | bytes
) -> None:
    async with connection_to(socket) as patient:
        async with unix_connect(str(socket), uri="ws://engine/") as connection:
            await connection.send(hello)
            await asyncio.wait_for(connection.wait_closed(), 30)
        await patient.send(p.pack(p.Ask(id=1, request=p.encode_body(p.ListJobs()))))
        assert isinstance(p.unpack(await patient.recv()), p.Answer)
