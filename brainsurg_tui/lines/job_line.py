"""The line under the panes: the running job, or the next step."""

from rich.text import Text
from textual.geometry import Offset
from textual.reactive import reactive

from brainsurg_tui.actions import next_steps
from brainsurg_tui.layout import PANES
from brainsurg_tui.lines.line import StatusLine
from brainsurg_tui.panes.jobs import text as job_texts
from brainsurg_tui.widgets.bars import sparkline
from brainsurg_tui.widgets.visible import visible
from engine.service.protocol import Figure

_CURVE = 10
"""Cells of the running job's curve."""


class JobLine(StatusLine):
    """The running job with its bar and curve; without one, what could be done next."""

    hidden: reactive[str] = reactive("")
    """Name of the one pane that is not seen."""

    def text(self) -> Text:
        """The running job, or the next step, and the name of the pane that is not seen."""
        running = self.state.jobs.running()
        if not running:
            text = next_steps.for_job_line(self.state)
            return self.fit(Text(f" {text}", "dim", no_wrap=True, end=""), self._right(""))
        job = next((job for job in running if job.state == "running"), running[0])
        left = Text.assemble((f" job {job.id} ", "bold"), visible(job.spec.title), " ", end="")
        left.no_wrap = True
        if job.state != "running":
            left.append(f"{job.state} ", "dim")
        left.append_text(job_texts.bar(job, 15, self.accent, ascii_only=self.ascii_only))
        waiting = len(running) - 1
        right = self._right(f"+{waiting} more" if waiting else "")
        remaining = Text(f"  {job_texts.remaining(job.progress)}", "dim")
        room = self.size.width - left.cell_len - remaining.cell_len - right.cell_len - 1
        if job.progress is not None and job.spec.is_training:
            left.append_text(self._training(job.id, job.progress.metrics, room))
        return self.fit(left.append_text(remaining), right)

    def _training(self, job: int, metrics: dict[str, Figure], room: int) -> Text:
        """The loss and its curve, and where there is room the other figures."""
        _, losses = self.state.jobs.history(job).curve("loss")
        curve = sparkline(losses, _CURVE, ascii_only=self.ascii_only)
        for names in (("loss", "fvu", "l0"), ("loss", "fvu"), ("loss",)):
            text = Text("  " + "  ".join(job_texts.metrics(metrics, names)))
            text.append(f" {curve}", self.accent)
            if text.cell_len <= room:
                return text
        return Text()

    def _right(self, text: str) -> Text:
        return Text("   ".join(filter(None, (text, self._hidden_title()))) + " ", "dim")

    def _hidden_title(self) -> str:
        return f"{PANES.index(self.hidden) + 1} {self.hidden.title()}" if self.hidden else ""

    def hidden_at(self) -> dict[str, Offset]:
        """Where the name of the pane that is not seen stands on the screen."""
        if not self.hidden:
            return {}
        from_right = len(self._hidden_title()) + 1
        return {self.hidden: self.region.offset + Offset(self.size.width - from_right, 0)}
