"""A job's figures as logs that other programs read: JSON lines, and what TensorBoard reads.

A log is made from the events that the engine keeps, and can be made while the job runs.
"""

import math
from collections import defaultdict
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self

import msgspec

from engine.errors import UserError
from engine.service.protocol import Event, Progressed

LogFormat = Literal["jsonl", "tensorboard"]


class Log(Protocol):
    """Takes in the events of one job, oldest first."""

    def add(self, event: Event) -> None:
        """Write what an event tells; nothing if it tells no figures."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class JsonLines:
    """A file with one object a line: `time` in seconds since the epoch, `phase`, `step`, and the
    figures, null for one that is no finite number.

    Of several runs trained together the figures are means, with some of each as `loss NAME`.
    """

    def __init__(self, path: Path) -> None:
        """What `path` holds by now is replaced."""
        self._file = path.open("wb")
        self._encoder = msgspec.json.Encoder()

    def add(self, event: Event) -> None:
        """Write a line, so that whoever reads along has it at once."""
        body = event.body
        if isinstance(body, Progressed) and body.metrics:
            line = {"time": event.time, "phase": body.phase, "step": body.done, **body.metrics}
            self._file.write(self._encoder.encode(line) + b"\n")
            self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


class TensorBoard:
    """A folder for TensorBoard: scalars `train/loss` …, a folder in it for each of several runs.

    Where a training went on from a checkpoint, what had been told of later steps is taken back.
    """

    def __init__(self, folder: Path) -> None:
        """Earlier logs in `folder` are removed. UserError without the library that writes them."""
        try:
            from tensorboard.compat.proto import event_pb2, summary_pb2
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ImportError as error:
            raise UserError(
                "The library that writes TensorBoard's logs is not installed.",
                "Install it with: pip install 'brainsurg[log]', or take --format jsonl.",
            ) from error
        self._messages, self._values = event_pb2, summary_pb2
        self._open = EventFileWriter
        self._folder = folder
        self._writers: dict[str, Any] = {}
        self._last_step: dict[str, int] = {}
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.rglob("events.out.tfevents.*"):
            old.unlink()

    def add(self, event: Event) -> None:
        """Write the figures of an event to the logs of the runs that they belong to."""
        body = event.body
        if not isinstance(body, Progressed):
            return
        runs: dict[str, dict[str, float]] = defaultdict(dict)
        for name, value in body.metrics.items():
            figure, _, run = name.partition(" ")
            runs[run][f"{body.phase}/{figure}"] = math.nan if value is None else value
        for run, figures in runs.items():
            self._write(run, event.time, body.done, figures)

    def _write(self, run: str, time: float, step: int, figures: dict[str, float]) -> None:
        if run not in self._writers:
            self._writers[run] = self._open(str(self._folder / run))
        message, writer = self._messages.Event, self._writers[run]
        if step < self._last_step.get(run, step):
            start = self._messages.SessionLog(status=self._messages.SessionLog.START)
            writer.add_event(message(wall_time=time, step=step, session_log=start))
        self._last_step[run] = step
        values = [
            self._values.Summary.Value(tag=tag, simple_value=value)
            for tag, value in figures.items()
        ]
        summary = self._values.Summary(value=values)
        writer.add_event(message(wall_time=time, step=step, summary=summary))
        writer.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self._writers.values():
            writer.close()


def open_log(format: LogFormat, folder: Path, job: int) -> tuple[Path, Log]:
    """A log of a job in `folder`, and where it lies. UserError where it can't be written."""
    path = folder / (f"job-{job}.jsonl" if format == "jsonl" else f"job-{job}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return path, JsonLines(path) if format == "jsonl" else TensorBoard(path)
    except OSError as error:
        raise UserError(f"{path} can't be written: {error.strerror}.") from error
