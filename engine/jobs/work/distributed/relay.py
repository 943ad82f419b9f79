"""What the processes of a training on several devices and the one that began them say to each other
(no torch here).

    FOLDER/            of one training, temporary, named by an environment variable
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
from engine.jobs.events import Noted, Progressed
from engine.jobs.kinds import TrainResult
from engine.progress import Cancelled

VARIABLE = "BRAINSURG_SEVERAL"
"""Of the environment: the folder."""


class Asked(msgspec.Struct, frozen=True, tag="asked"):
    """Is the work interrupted?"""


Call = Progressed | Noted | Asked
CALLS = msgspec.json.Decoder(Call)
ANSWERS = msgspec.json.Decoder(bool)
"""Whether the work is cancelled, or interrupted where that was asked."""


class Failure(msgspec.Struct, frozen=True):
    """A UserError."""

    what: str
    do: str = ""


class Folder:
    """Of one training."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.spec = path / "spec.json"
        self.socket = path / "socket"

    @classmethod
    def of_this_process(cls) -> Self | None:
        """None where somebody has started torchrun by hand."""
        path = os.environ.get(VARIABLE)
        return None if path is None else cls(Path(path))

    def keep_result(self, result: TrainResult) -> None:
        """Leave what came of it to the process that began this one."""
        (self.path / "result.json").write_bytes(msgspec.json.encode(result))

    def keep_failure(self, rank: int, error: UserError) -> None:
        """Leave why the process of this rank ends."""
        failure = Failure(error.what, error.do)
        (self.path / f"failure-{rank}.json").write_bytes(msgspec.json.encode(failure))

    def result(self) -> TrainResult | None:
        """What came of it; None if nothing did. Raises UserError if that is why."""
        for path in sorted(self.path.glob("failure-*.json")):
            failure = msgspec.json.decode(path.read_bytes(), type=Failure)
            raise UserError(failure.what, failure.do)
        path = self.path / "result.json"
        return msgspec.json.decode(path.read_bytes(), type=TrainResult) if path.exists() else None


class Relayed:
    """Progress of the first process, by way of the one that began it.

    Every call waits for its answer: so the work is held while it is paused there.
    """

    def __init__(self, folder: Folder) -> None:
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
        figures = dict(metrics or {})
        call = Progressed(phase=phase, done=done, total=total, unit=unit, metrics=figures)
        if self._answer(call):
            raise Cancelled

    def note(self, text: str) -> None:
        if self._answer(Noted(text=text)):
            raise Cancelled

    @property
    def interrupted(self) -> bool:
        return self._answer(Asked())

    def _answer(self, call: Call) -> bool:
        self._file.write(msgspec.json.encode(call) + b"\n")
        self._file.flush()
        line = self._file.readline()
        if not line:
            raise ConnectionError("the process that began this training has ended")
        return ANSWERS.decode(line)
