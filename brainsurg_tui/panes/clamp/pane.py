"""Pane 4: what changes when features are held at other values."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import BindingType
from textual.containers import Container
from textual.events import Resize
from textual.message import Message
from textual.widget import Widget

from brainsurg_tui.actions import next_steps
from brainsurg_tui.actions.registry import bindings
from brainsurg_tui.exports import Export
from brainsurg_tui.panes.clamp import text as clamp_texts
from brainsurg_tui.panes.table_pane import TablePane
from brainsurg_tui.state.parts import StatePart
from brainsurg_tui.state.state import State
from brainsurg_tui.widgets.chart import Chart
from brainsurg_tui.widgets.columns import Column
from brainsurg_tui.widgets.line_table import LineTable
from brainsurg_tui.widgets.text_block import TextBlock
from brainsurg_tui.widgets.visible import visible
from engine.service.protocol import (
    ClampReport,
    EditedPrompt,
    ModelReport,
    describe_edit,
    find_operation,
)

_BESIDE_FROM = 100
"""Width from which before and after stand beside each other."""

_PROMPT = Column("prompt", "prompt", width=12, fraction=3, priority=9)
_MEAN = Column("mean", "mean|Δ|", width=7, align="right", priority=7)
_MAX = Column("max", "max|Δ|", width=7, align="right", priority=6)
_DIMS = Column("dims", "(token,dim)", width=18, fraction=2, priority=2)
_MODEL = (
    _PROMPT,
    _MEAN,
    _MAX,
    Column("kl", "KL", width=7, align="right", priority=8),
    Column("null", "null", width=19, align="right", priority=4),
    Column("p", "p", width=5, align="right", priority=5),
    _DIMS,
)
_MEASURED = (
    _PROMPT,
    Column("mean", "mean|Δ|", width=7, align="right", priority=3),
    Column("max", "max|Δ|", width=7, align="right", priority=2),
    Column("kl", "KL", width=7, align="right", priority=6),
    Column("effect", "effect", width=7, align="right", priority=8),
    Column("null", "5–95 % of nulls", width=15, align="right", priority=5),
    Column("p", "p", width=5, align="right", priority=7),
    _DIMS,
)
"""Where something is measured beside KL: null and p are of that."""
_RECONSTRUCTION = (_PROMPT, _MEAN, _MAX, _DIMS)


def _columns(report: ClampReport) -> tuple[Column, ...]:
    if not isinstance(report, ModelReport):
        return _RECONSTRUCTION
    return _MEASURED if len(report.pooled) > 1 else _MODEL


class ClampPane(TablePane):
    """The edit in a line, the diff table, and both texts of the prompt under the cursor."""

    heading = "Clamp"
    BINDINGS: ClassVar[list[BindingType]] = bindings("clamp")
    shows: ClassVar[frozenset[StatePart]] = frozenset(
        {"connection", "contents", "marked_prompts", "table", "clamp", "clamp_progress"}
    )
    markable = False
    columns = _MODEL

    @dataclass
    class Opened(Message):
        """The user wants to read all about one prompt."""

        title: str
        text: Text

    def __init__(self, name: str, state: State, *, ascii_only: bool = False) -> None:
        super().__init__(name, state, ascii_only=ascii_only)
        self.draft_line = TextBlock("clamp-draft")
        self.warnings = TextBlock("clamp-warnings")
        self.pooled = TextBlock("clamp-pooled")
        self.curve = Chart(x_label="× max", ascii_only=ascii_only, id="clamp-curve")
        self.before = TextBlock("before")
        self.after = TextBlock("after")
        self.next_tokens = TextBlock("next-tokens")
        self._report: ClampReport | None = None

    def body(self) -> Iterable[Widget]:
        """The line of the draft, the table, and the texts."""
        yield self.draft_line
        yield self.warnings
        yield self.pooled
        yield from super().body()
        yield self.curve
        with Container(id="texts"):
            yield from (self.before, self.after, self.next_tokens)

    def show(self) -> None:
        """Show the draft and the report that answers it."""
        state = self.state
        self._show_draft()
        report = state.clamp.report
        if report is self._report and self.table.shown:
            return
        self._report = report
        self.title_line.info = self.title_info()
        self.table.empty_text = next_steps.for_clamp(state)
        warnings = [] if report is None else report.warnings
        self.warnings.display = bool(warnings)
        self.warnings.show(
            "\n".join(f"! {visible(text, ascii_only=self.ascii_only)}" for text in warnings)
        )
        if report is None:
            self.table.columns = _MODEL
            self.set_rows(0, lambda row: ())
            self.table.styles.height = "1fr"
        else:
            self.table.columns = _columns(report)
            self.set_rows(len(report.prompts), clamp_texts.row_writer(report))
            self.table.styles.height = len(report.prompts) + 1
        self._show_measures()
        self._show_texts()

    def _show_measures(self) -> None:
        """Show what is measured over all prompts, and its curve over strengths."""
        report = self._report if isinstance(self._report, ModelReport) else None
        self.pooled.show("" if report is None else clamp_texts.pooled_lines(report))
        curve = None if report is None else report.curve
        self.curve.display = curve is not None
        self.set_class(curve is not None, "-curve")
        if report is not None and curve is not None:
            measure = curve.measures[min(1, len(curve.measures) - 1)]
            strengths = curve.strengths
            takes = find_operation(report.operation).takes
            self.curve.x_label = "factor" if takes == "factor" else "× max"
            self.curve.y_label = clamp_texts.curve_title(report, measure)
            bands = {"nulls 5 %": measure.low, "95 %": measure.high}
            series = {"edit": (strengths, measure.values)}
            series |= {name: (strengths, ys) for name, ys in bands.items() if ys}
            self.curve.set_series(series)
        self.query_one("#texts").display = curve is None

    def _show_draft(self) -> None:
        draft = self.state.clamp.draft
        if not draft.edits:
            self.draft_line.show("")
            return
        accent = self.app.theme_variables["accent"]
        edits = ", ".join(describe_edit(edit) for edit in draft.edits)
        prompts, marked = len(self.state.contents.prompts), self.state.marked_prompts
        parts = [
            f"{draft.view} view",
            f"{marked} of {prompts} prompts" if marked else f"{prompts} prompts",
        ]
        if draft.view == "model":
            parts[1:1] = [f"{draft.generate} tokens", f"{draft.nulls} nulls"]
            parts += ["curve"] if draft.strengths else []
        if self.state.clamp.progress is not None:
            parts = [next_steps.waiting(self.state.clamp.progress)]
        self.draft_line.show(
            Text.assemble((edits, f"bold {accent}"), ("   " + " · ".join(parts), "dim"))
        )

    def title_info(self) -> str:
        """The integrity badges, which are never hidden; the filter where there is one."""
        report = self._report
        if self.pattern:
            return super().title_info()
        if isinstance(report, ModelReport):
            return clamp_texts.badges(report.checks)
        return "" if report is None else "not run through the model"

    def _show_texts(self) -> None:
        report, row = self._report, self.table.row
        if report is None or row is None:
            for text in (self.before, self.after, self.next_tokens):
                text.show("")
            return
        prompt = report.prompts[row]
        if isinstance(prompt, EditedPrompt):
            accent = self.app.theme_variables["accent"]
            beside = self.has_class("-beside")
            texts = clamp_texts.before_and_after(
                prompt, accent, beside=beside, ascii_only=self.ascii_only
            )
            self.before.show(texts[0])
            self.after.show(texts[1])
            self.next_tokens.show(clamp_texts.next_tokens(prompt, 5, ascii_only=self.ascii_only))
        else:
            note = "" if isinstance(report, ModelReport) else report.note
            self.before.show(Text(note, "dim"))
            self.after.show("")
            self.next_tokens.show("")

    def on_resize(self, event: Resize) -> None:
        """Put both texts beside each other where there is room."""
        self.set_class(event.size.width >= _BESIDE_FROM, "-beside")
        self._show_texts()

    @on(LineTable.Highlighted)
    def _other_prompt(self, event: LineTable.Highlighted) -> None:
        event.stop()
        self._show_texts()

    @on(LineTable.Opened)
    def _open(self, event: LineTable.Opened) -> None:
        event.stop()
        if self._report is not None:
            accent = self.app.theme_variables["accent"]
            text = clamp_texts.full_report(
                self._report, event.row, accent, ascii_only=self.ascii_only
            )
            self.post_message(self.Opened(self._edits(), text))

    def _edits(self) -> str:
        edits = [] if self._report is None else self._report.edits
        return ", ".join(describe_edit(edit) for edit in edits)

    def row_text(self, row: int) -> str:
        """The cells of a row."""
        report = self._report
        return "" if report is None else "\t".join(clamp_texts.row_writer(report)(row))

    def exports(self) -> list[Export]:
        """The whole report as a page and as JSON, its figures and texts as Markdown and CSV."""
        if self._report is None:
            return []
        from brainsurg_tui.panes.clamp.documents import report_files  # templates, once wanted

        return report_files(self.state.clamp.sae or "", self._report)
