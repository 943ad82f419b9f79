"""A training on several devices: torchrun starts a process for each, and this one watches them.

They do the job (`engine.jobs.work.distributed`). The first one's progress is passed on here, so
that the work is watched, paused and cancelled like any other; when this process ends, so do they.
"""

import math
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from engine.errors import UserError
from engine.jobs.events import Noted, Progressed
from engine.jobs.kinds import Train, TrainResult
from engine.jobs.work.distributed.relay import CALLS, VARIABLE, Call, RelayFolder
from engine.progress import Cancelled, Progress
from engine.workspace.folders import Workspace

POLL = 0.2
"""Seconds between two looks whether processes that have just been started are still there."""
PATIENCE = 30.0
"""Seconds that processes have to end by themselves."""


def train_on_devices(spec: Train, workspace: Workspace, progress: Progress) -> TrainResult:
    """Train an SAE on `spec.devices` devices of this machine.

    Raises UserError as the processes do, or where one of them has ended unexpectedly.
    """
    with tempfile.TemporaryDirectory(prefix="brainsurg-") as name:
        folder = RelayFolder(Path(name))
        folder.spec.write_bytes(msgspec.json.encode(spec))
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(folder.socket))
            server.listen()
            with _start_processes(spec.devices, folder, workspace) as processes:
                first = _connection_of_first(processes, server, progress)
                if first is not None:
                    _relay_progress(first, progress)
                with suppress(subprocess.TimeoutExpired):
                    processes.wait(PATIENCE)
        result = folder.read_result()
    if result is None:
        raise UserError(
            f"One of the {spec.devices} processes of the training has ended unexpectedly.",
            "The engine's log tells why. --resume goes on from the newest checkpoint.",
        )
    return result


@contextmanager
def _start_processes(
    devices: int, folder: RelayFolder, workspace: Workspace
) -> Iterator[subprocess.Popen[bytes]]:
    """torchrun at work; when it ends, or one of the processes that it started, all of them do."""
    processes = subprocess.Popen(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
            *("--nproc-per-node", str(devices), "-m", "engine.jobs.work.distributed"),
            *(str(workspace.root), str(folder.spec)),
        ],
        stdout=sys.stderr,
        env=os.environ | {VARIABLE: str(folder.path)},
    )
    try:
        yield processes
    finally:
        processes.terminate()
        try:
            processes.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            processes.kill()


def _connection_of_first(
    processes: subprocess.Popen[bytes], server: socket.socket, progress: Progress
) -> socket.socket | None:
    """The connection of the first process, once it has one; None if they ended before."""
    server.settimeout(POLL)
    while processes.poll() is None:
        progress("start a process for each device", 0)
        try:
            first, _ = server.accept()
        except TimeoutError:
            continue
        first.settimeout(None)
        return first
    return None


def _relay_progress(first: socket.socket, progress: Progress) -> None:
    """Answer the calls of the first process's progress until there are no more, or it is gone.

    Raises Cancelled when it has been told so and has ended: it saves where it stands before.
    """
    cancelled = False
    # torchrun ends it when another has died, and that may be while it waits for an answer
    with suppress(ConnectionError), first, first.makefile("rwb") as calls:
        for line in calls:
            try:
                answer = _answer(CALLS.decode(line), progress)
            except Cancelled:
                answer = cancelled = True
            calls.write(msgspec.json.encode(answer) + b"\n")
            calls.flush()
    if cancelled:
        raise Cancelled


def _answer(call: Call, progress: Progress) -> bool:
    match call:
        case Progressed():
            figures = {n: math.nan if v is None else v for n, v in call.metrics.items()}
            progress(call.phase, call.done, call.total, call.unit, figures)
        case Noted():
            progress.note(call.text)
        case _:
            return progress.interrupted
    return False
