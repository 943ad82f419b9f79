"""Pane 5: how a training goes."""

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from brainsurg_tui.actions import next_steps
from brainsurg_tui.actions.registry import bindings
from brainsurg_tui.exports import Export, curve_svg, table_files
from brainsurg_tui.panes.jobs import text as job_texts
from brainsurg_tui.panes.pane import Pane
from brainsurg_tui.state.history import History
from brainsurg_tui.state.parts import StatePart
from brainsurg_tui.state.state import State
from brainsurg_tui.widgets.chart import Chart
from brainsurg_tui.widgets.text_block import TextBlock
from engine.service.protocol import JobInfo

_INDENT = 3
_STRAIGHT = frozenset({"tokens", "seconds_left"})
"""Metrics whose curves would say nothing."""


class LossChart(Chart, can_focus=True):
    """The chart takes the focus, so that the pane's keys work."""


class LossPane(Pane):
    """A live chart of one metric, and a line with all of them."""

    heading = "Loss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("loss")
    shows: ClassVar[frozenset[StatePart]] = frozenset(
        {"connection", "contents", "jobs", "job_events", "chosen_job"}
    )

    def __init__(self, name: str, state: State, *, ascii_only: bool = False) -> None:
        super().__init__(name, state, ascii_only=ascii_only)
        self.chart = LossChart(x_label="step", ascii_only=ascii_only)
        self.figures = TextBlock("loss-figures")
        self.metric = "loss"
        self.frozen = False
        self._job: JobInfo | None = None
        self._drawn: object = None

    def body(self) -> Iterable[Widget]:
        """Figures over the chart."""
        yield self.figures
        yield self.chart

    @property
    def target(self) -> Widget:
        """The chart takes the focus."""
        return self.chart

    def show(self) -> None:
        """Draw the training that is to be seen, unless the chart is frozen."""
        state = self.state
        job = state.jobs.training_to_chart()
        if self.frozen and job is not None and self._job is not None and job.id == self._job.id:
            return
        self._job = job
        now = (job, len(self._history()), state.connection, len(state.contents.activations))
        if now != self._drawn:
            self._drawn = now
            self.draw()

    def draw(self) -> None:
        """Draw the chart and its figures from what is known now."""
        job, history = self._job, self._history()
        self.chart.empty_text = f"  {self._next_step()}"
        self.chart.y_label = self.metric
        self.chart.set_series(self._curves())
        newest = history.newest()
        values = {} if newest is None else dict(newest.metrics)
        if newest is not None and newest.rate is not None and newest.unit == "tokens":
            values.setdefault("tokens_per_second", newest.rate)
        left = job_texts.remaining(job.progress) if job is not None and not job.over else ""
        several = f"mean of {history.runs()}:" if history.runs() else ""
        parts = [several, *job_texts.metrics(values), left]
        self.figures.show(_fitting(parts, self.size.width - _INDENT))
        self._title()

    def on_resize(self) -> None:
        """Show as many figures as have room now."""
        self.draw()

    def _title(self) -> None:
        job = self._job
        if job is None:
            self.title_line.subject = self.title_line.info = ""
            return
        state = "frozen" if self.frozen else job.state
        self.title_line.subject = f"{job.spec.subject} · {self.metric}"
        step = ""
        if job.progress is not None and not job.over:
            total = f" / {job.progress.total:,}" if job.progress.total else ""
            step = f"{job.progress.phase} {job.progress.done:,}{total} · "
        self.title_line.info = f"{step}{state}"

    def _curves(self) -> dict[str, tuple[list[int], list[float]]]:
        """The curves of the metric; several trainings go without the name that all have."""
        curves = self._history().curves(self.metric)
        common = "" if self._job is None else f"{self._job.spec.subject}."
        return {name.removeprefix(common): curve for name, curve in curves.items()}

    def _history(self) -> History:
        return History() if self._job is None else self.state.jobs.history(self._job.id)

    def _next_step(self) -> str:
        if self._job is not None and self._job.over:
            return next_steps.for_a_failed_job(self._job, self.state)
        if self._job is not None:
            return "Waiting for the first figures …"
        return next_steps.for_loss(self.state)

    def toggle_freeze(self) -> None:
        """Hold the chart still, or let it go on."""
        self.frozen = not self.frozen
        if self.frozen:
            self._title()
        else:
            self.show()

    def toggle_logarithmic(self) -> None:
        """Draw the metric on a logarithmic axis, or a linear one."""
        self.chart.log_y = not self.chart.log_y
        self.draw()

    def turn_metric(self, step: int) -> None:
        """Draw the next metric (1) or the one before (-1)."""
        names = [name for name in self._history().metrics() if name not in _STRAIGHT]
        if names:
            place = names.index(self.metric) if self.metric in names else 0
            self.metric = names[(place + step) % len(names)]
            self.draw()

    def text_to_copy(self) -> str:
        """The line of figures."""
        newest = self._history().newest()
        return "" if newest is None else "   ".join(job_texts.metrics(dict(newest.metrics)))

    def exports(self) -> list[Export]:
        """All figures as CSV and JSON, the curve as SVG."""
        history = self._history()
        if self._job is None or not history.metrics():
            return []
        name = f"loss-{self._job.spec.subject}"
        steps, values = history.curve(self.metric)
        picture = curve_svg(steps, values, title=f"{name}: {self.metric}")
        return [*table_files(name, history.rows()), Export(f"{name}-{self.metric}.svg", picture)]


def _fitting(parts: list[str], width: int) -> str:
    """As many of `parts`, the first ones first, as have room in a line."""
    line = ""
    for part in filter(None, parts):
        if len(line) + len(part) <= width:
            line += f"{part}   "
    return line.rstrip()
