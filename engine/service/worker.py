"""A worker process: it makes itself known to the daemon, and does what it is told.

The main thread works. Another reads what the daemon sends, so that a pause or a cancellation is
heard in the middle of a training step. When the daemon is gone, there is nobody left to work for
and the process ends at once: whatever it was writing has another name until it is whole. SIGTERM,
as of a machine that is shut down, ends it too, but lets a training save where it stands.
"""

import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, unix_connect

from engine.errors import UserError
from engine.progress import Cancelled
from engine.service import protocol as p
from engine.service.reporter import Reporter
from engine.shortages import shortage_of
from engine.workspace.folders import Workspace

Work = p.RunJob | p.Ask
"""A job, or a question."""
Do = Callable[[Work], p.Frame]
"""Does the work, and returns the frame with what came of it."""


def serve(connection: ClientConnection, workspace: Workspace) -> None:
    """Do what comes on `connection`: one job, or one question after another."""
    inbox: queue.SimpleQueue[Work] = queue.SimpleQueue()
    reporter = Reporter(lambda body: connection.send(p.pack(p.WorkProgress(body))))
    listener = threading.Thread(target=_listen, args=(connection, inbox, reporter), daemon=True)
    listener.start()

    do = _prepare(workspace, reporter)
    told_to_end = threading.Event()
    busy = False

    def end(*_: object) -> None:
        told_to_end.set()
        if not busy:
            sys.exit()
        reporter.abandon()

    signal.signal(signal.SIGTERM, end)
    while not told_to_end.is_set():
        work = inbox.get()
        busy = True
        connection.send(p.pack(_outcome(work, do, told_to_end)))
        busy = False
        if isinstance(work, p.RunJob):
            return


def _prepare(workspace: Workspace, reporter: Reporter) -> Do:
    from engine.jobs.run import run
    from engine.service.session import Session
    from engine.service.worker_handlers.registry import answer

    session = Session(workspace, reporter)

    def do(work: Work) -> p.Frame:
        match work:
            case p.RunJob(spec=spec):
                return p.Finished(run(spec, workspace, reporter))
            case p.Ask(id=id):
                reply = answer(p.decode_request(work), session)
                return p.Answer(id=id, body=p.encode_body(reply))

    return do


def _outcome(work: Work, do: Do, told_to_end: threading.Event) -> p.Frame:
    id = work.id if isinstance(work, p.Ask) else work.job
    try:
        return do(work)
    except Cancelled:
        if told_to_end.is_set() and isinstance(work, p.RunJob):
            hint = work.spec.resume_hint(work.job)
            return p.Refusal(id=id, what="The worker was told to end (SIGTERM).", do=hint)
        return p.Refusal(id=id, what="It was cancelled.")
    except UserError as error:
        return p.Refusal(id=id, what=error.what, do=error.do)
    except Exception as error:
        shortage = shortage_of(error)
        if shortage is not None:
            return p.Refusal(id=id, what=shortage.what, do=shortage.do)
        traceback.print_exc()
        what = f"{type(error).__name__}: {error}"
        return p.Refusal(id=id, what=what, bug=True, trace=traceback.format_exc())


def _listen(
    connection: ClientConnection, inbox: "queue.SimpleQueue[Work]", reporter: Reporter
) -> None:
    try:
        for data in connection:
            match p.unpack(data):
                case p.RunJob() | p.Ask() as work:
                    reporter.renew()  # here, not where it begins: its Abandon may come before that
                    inbox.put(work)
                case p.Pause():
                    reporter.pause()
                case p.Resume():
                    reporter.resume()
                case p.Abandon():
                    reporter.abandon()
    except ConnectionClosed:
        pass
    os._exit(0)  # the work in the main thread can't be asked: it may be deep in a torch call


def work(socket: str, root: Path, token: str) -> None:
    """Connect to the daemon at `socket`, for the workspace at `root`, as the worker of a token."""
    with unix_connect(
        socket,
        uri="ws://engine/",
        max_size=None,
        compression=None,
        ping_interval=None,
        close_timeout=1,
    ) as connection:
        connection.send(p.pack(p.Hello(worker=token, pid=os.getpid())))
        connection.recv()
        serve(connection, Workspace(root))
