"""How the processes of a training on several devices talk to the process that started them.

They share a folder, which is temporary and named by an environment variable:

    FOLDER/
      spec.json        what is to be done
      socket           calls of the first process's progress, a line of JSON each, and answers
      result.json      what came of it
      failure-2.json   why the process of rank 2 ended, where the user can do something about it
"""

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import msgspec

from engine.errors import UserError
from engine.figures import finite_figures
from engine.jobs.events import Noted, Progressed
from engine.jobs.kinds import TrainResult
from engine.progress import Cancelled

VARIABLE = "BRAINSURG_RELAY_FOLDER"
"""Of the environment: the folder."""


class IsInterrupted(msgspec.Struct, frozen=True, tag="asked"):
    """The question whether the work is interrupted."""


Call = Progressed | Noted | IsInterrupted
CALLS = msgspec.json.Decoder(Call)
ANSWERS = msgspec.json.Decoder(bool)
"""Whether the work is cancelled, or interrupted where that was asked."""


class Failure(msgspec.Struct, frozen=True):
    """A UserError."""

    what: str
    do: str = ""


class RelayFolder:
    """The folder through which the processes of one training and the one that started them talk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.spec = path / "spec.json"
        self.socket = path / "socket"

    @classmethod
    def of_this_process(cls) -> Self | None:
        """The folder of the training that this process belongs to; None where somebody has started
        torchrun by hand."""
        path = os.environ.get(VARIABLE)
        return None if path is None else cls(Path(path))

    def write_result(self, result: TrainResult) -> None:
        """Leave what came of the training to the process that started this one."""
        (self.path / "result.json").write_bytes(msgspec.json.encode(result))

    def write_failure(self, rank: int, error: UserError) -> None:
        """Leave why the process of this rank ends."""
        failure = Failure(error.what, error.do)
        (self.path / f"failure-{rank}.json").write_bytes(msgspec.json.encode(failure))

    def read_result(self) -> TrainResult | None:
        """What came of the training; None if a process ended without a word.

        Raises the UserError for which one of the processes ended, if it was one.
        """
        for path in sorted(self.path.glob("failure-*.json")):
            failure = msgspec.json.decode(path.read_bytes(), type=Failure)
            raise UserError(failure.what, failure.do)
        path = self.path / "result.json"
        return msgspec.json.decode(path.read_bytes(), type=TrainResult) if path.exists() else None


class RelayedProgress:
    """Progress of the first process, by way of the process that started it.

    Every call waits for its answer: so the work is held while it is paused there.
    """

    def __init__(self, folder: RelayFolder) -> None:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(folder.socket))
        self._file = connection.makefile("rwb")

    def __call__(
        self,
        phase: str,
        done: int,
        total: int | None = None,
        unit: str = "",
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        figures = finite_figures(metrics or {})
        call = Progressed(phase=phase, done=done, total=total, unit=unit, metrics=figures)
        if self._ask(call):
            raise Cancelled

    def note(self, text: str) -> None:
        if self._ask(Noted(text=text)):
            raise Cancelled

    @property
    def interrupted(self) -> bool:
        return self._ask(IsInterrupted())

    def _ask(self, call: Call) -> bool:
        self._file.write(msgspec.json.encode(call) + b"\n")
        self._file.flush()
        line = self._file.readline()
        if not line:
            raise ConnectionError("the process that started this training has ended")
        return ANSWERS.decode(line)
