"""Pane 6: what has been asked of the engine, and how far it is."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import BindingType
from textual.message import Message
from textual.widget import Widget

from brainsurg_tui.actions import next_steps
from brainsurg_tui.actions.registry import bindings
from brainsurg_tui.panes.jobs import text as job_texts
from brainsurg_tui.panes.table_pane import TablePane
from brainsurg_tui.state.parts import StatePart
from brainsurg_tui.state.state import State
from brainsurg_tui.widgets.columns import Column
from brainsurg_tui.widgets.line_table import LineTable
from brainsurg_tui.widgets.text_block import TextBlock
from brainsurg_tui.widgets.visible import visible
from engine.service.protocol import JobInfo

_BAR = 17


class JobsPane(TablePane):
    """Jobs, the newest first, with what the selected one has to say."""

    heading = "Jobs"
    BINDINGS: ClassVar[list[BindingType]] = bindings("jobs")
    shows: ClassVar[frozenset[StatePart]] = frozenset({"connection", "jobs", "job_events"})
    markable = False
    columns = (
        Column("id", "id", width=3, align="right", priority=4),
        Column("job", "job", width=14, fraction=1, priority=5),
        Column("state", "state", width=9, priority=2),
        Column("progress", "progress", width=_BAR, priority=3),
        Column("took", "took", width=12, align="right", priority=1),
        Column("begun", "begun", width=5, priority=0),
    )

    @dataclass
    class Chosen(Message):
        """The cursor came to a job."""

        job: int

    @dataclass
    class Opened(Message):
        """The user wants to read all about a job."""

        job: int

    def __init__(self, name: str, state: State, *, ascii_only: bool = False) -> None:
        super().__init__(name, state, ascii_only=ascii_only)
        self.log_lines = TextBlock("job-log")
        self._jobs: list[JobInfo] = []

    def body(self) -> Iterable[Widget]:
        """The table, and the log of the selected job."""
        yield from super().body()
        yield self.log_lines

    def show(self) -> None:
        """Show the jobs."""
        state = self.state
        before, self._jobs = self._jobs, list(reversed(state.jobs.by_id.values()))
        self.table.empty_text = next_steps.for_jobs(state)
        if [job.id for job in before] == [job.id for job in self._jobs] and before:
            for row, (old, new) in enumerate(zip(before, self._jobs, strict=True)):
                if old != new:
                    self.table.refresh_row(row)
            self.show_count()
        else:
            self._select_again(before)
        self.table.styles.height = len(self._jobs) + 2
        self._show_log()

    def _select_again(self, before: list[JobInfo]) -> None:
        """Show other jobs, with the cursor on the one that had it."""
        row = self.table.row
        chosen = None if row is None or row >= len(before) or row == 0 else before[row].id
        self.set_rows(len(self._jobs), self._cells)
        for place, job in enumerate(self._jobs):
            if job.id == chosen:
                self.table.select(place)

    def _cells(self, row: int) -> tuple[str | Text, ...]:
        job = self._jobs[row]
        begun = time.strftime("%H:%M", time.localtime(job.started or job.created))
        return (
            str(job.id),
            job.spec.title,
            job.state,
            job_texts.bar(
                job, _BAR, self.app.theme_variables["accent"], ascii_only=self.ascii_only
            ),
            job_texts.duration(job),
            begun,
        )

    def _show_log(self) -> None:
        row = self.table.row
        if row is None or row >= len(self._jobs):
            self.log_lines.show("")
            return
        job = self._jobs[row]
        notes = self.state.jobs.history(job.id).notes()
        outcome = job_texts.outcome(job)
        # There may be room for the first lines alone: an error comes before what was noted earlier.
        lines = (
            [*outcome, job.spec.details, *notes]
            if job.error
            else [job.spec.details, *notes, *outcome]
        )
        left = job_texts.remaining(job.progress) if not job.over else ""
        if job.progress is not None and not job.over:
            lines.append(f"{job.progress.phase} {job.progress.done:,} {job.progress.unit}  {left}")
        text = Text()
        for line in lines:
            style = "bold" if line == job.error and line else "dim"
            text.append(f"{visible(line, ascii_only=self.ascii_only)}\n", style)
        text.rstrip()
        self.log_lines.show(text)

    def title_info(self) -> str:
        """How many run and wait."""
        running = sum(job.state == "running" for job in self._jobs)
        waiting = sum(job.state == "queued" for job in self._jobs)
        parts = [f"{running} running"] * bool(running) + [f"{waiting} waiting"] * bool(waiting)
        return super().title_info() if self.pattern else " · ".join(parts)

    def row_text(self, row: int) -> str:
        """Number, name, state and outcome."""
        job = self._jobs[row]
        outcome = " ".join(job_texts.outcome(job))
        return f"{job.id}\t{job.spec.title}\t{job.state}\t{outcome}".rstrip()

    @on(LineTable.Highlighted)
    def _choose(self, event: LineTable.Highlighted) -> None:
        event.stop()
        self._show_log()
        self.post_message(self.Chosen(self._jobs[event.row].id))

    @on(LineTable.Opened)
    def _open(self, event: LineTable.Opened) -> None:
        event.stop()
        self.post_message(self.Opened(self._jobs[event.row].id))
