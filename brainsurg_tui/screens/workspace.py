"""What the workspace holds besides prompts: activation sets and SAEs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from brainsurg_tui.panes.jobs import text as job_texts
from brainsurg_tui.screens import workspace_text
from brainsurg_tui.screens.dialog import Dialog
from brainsurg_tui.widgets.columns import Column
from brainsurg_tui.widgets.line_table import LineTable
from brainsurg_tui.widgets.numbers import byte_size, quantity
from brainsurg_tui.widgets.text_block import TextBlock
from brainsurg_tui.widgets.visible import visible
from engine.service.protocol import ActivationsInfo, Contents, JobInfo, SAEInfo


@dataclass(frozen=True)
class WorkspaceChoice:
    """What the user wants with a thing of the workspace."""

    action: Literal["use", "delete", "summary", "measure"]
    kind: Literal["activations", "sae"]
    name: str


class WorkspaceDialog(Dialog[WorkspaceChoice | None]):
    """Activation sets, SAEs, and what of either can't be read, in tables; returns what the user
    wants with one of them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "delete", "Delete from disk", show=False, id="workspace.delete"),
        Binding("v", "measure", "Evaluate", show=False, id="workspace.measure"),
        Binding("w,q", "leave", "Leave", show=False, id="workspace.leave"),
    ]

    def __init__(
        self,
        contents: Contents,
        sae: str | None,
        jobs: Sequence[JobInfo] = (),
        *,
        ascii_only: bool = False,
    ) -> None:
        """`jobs` may have made histograms of SAEs."""
        super().__init__(
            f"Workspace · {contents.workspace}",
            "enter use, summary   v evaluate   d delete   tab other   esc leave",
        )
        self._contents = contents
        self._sae = sae
        self._jobs = jobs
        self._ascii_only = ascii_only
        self._figures = TextBlock("workspace-figures")
        self._sets = LineTable(
            Column("name", "activations", width=14, fraction=2, priority=9),
            Column("model", "model", width=10, fraction=1, priority=4),
            Column("site", "site", width=13, fraction=1, priority=5),
            Column("d_model", "width", width=6, align="right", priority=6),
            Column("tokens", "tokens", width=7, align="right", priority=8),
            Column("documents", "texts", width=7, align="right", priority=7),
            Column("bytes", "size", width=8, align="right", priority=3),
            empty_text="none yet",
            ascii_only=ascii_only,
            id="workspace-sets",
        )
        self._saes = LineTable(
            Column("name", "SAEs", width=14, fraction=2, priority=9),
            Column("arch", "kind", width=14, priority=7),
            Column("width", "features", width=8, align="right", priority=8),
            Column("k", "k", width=4, align="right", priority=3),
            Column("activations", "trained on", width=10, fraction=1, priority=4),
            Column("metrics", "measured", width=22, fraction=2, priority=5),
            Column("scanned", "scanned", width=7, priority=6),
            empty_text="none yet",
            ascii_only=ascii_only,
            id="workspace-saes",
        )
        self._damaged = LineTable(
            Column("name", "can't be read", width=14, fraction=1, priority=9),
            Column("problem", "what is wrong", width=30, fraction=3, priority=8),
            ascii_only=ascii_only,
            id="workspace-damaged",
        )

    def content(self) -> Iterable[Widget]:
        """Sets over SAEs over what is damaged, and the figures of what the cursor is on."""
        yield self._sets
        yield Static("", markup=False)
        yield self._saes
        if self._contents.damaged:
            yield Static("", markup=False)
            yield self._damaged
        yield Static("", markup=False)
        yield self._figures

    def on_mount(self) -> None:
        """Fill the tables, with the cursor on the SAE in use."""
        sets, saes = self._contents.activations, self._contents.saes
        self._sets.set_rows(len(sets), lambda row: _set_cells(sets[row]))
        self._saes.set_rows(len(saes), lambda row: _sae_cells(saes[row], self._sae))
        for row, sae in enumerate(saes):
            if sae.name == self._sae:
                self._saes.select(row)
        damaged = self._contents.damaged
        self._damaged.set_rows(len(damaged), lambda row: (damaged[row].name, damaged[row].problem))
        (self._saes if saes else self._sets).focus()

    @on(LineTable.Highlighted)
    def _describe(self, event: LineTable.Highlighted) -> None:
        """Show the figures of the SAE that the cursor came to, or all of what is wrong with one."""
        event.stop()
        if event.table is self._damaged:
            self._figures.show(Text(visible(self._contents.damaged[event.row].problem), "dim"))
        if event.table is not self._saes:
            return
        known = self._contents.saes[event.row]
        histogram = workspace_text.newest_histogram(known, self._jobs)
        lines = [workspace_text.figures(known), "features by density   v counts them"]
        if histogram is not None:
            lines[1] = workspace_text.density(histogram, ascii_only=self._ascii_only)
        self._figures.show(Text("\n".join(lines), "dim"))

    @on(LineTable.Opened)
    def _use(self, event: LineTable.Opened) -> None:
        event.stop()
        if event.table is self._saes:
            self.dismiss(WorkspaceChoice("use", "sae", self._contents.saes[event.row].name))
        elif event.table is self._sets:
            name = self._contents.activations[event.row].name
            self.dismiss(WorkspaceChoice("summary", "activations", name))

    def action_delete(self) -> None:
        """Delete what is under the cursor of the focused table."""
        if self.focused is self._saes and self._saes.row is not None:
            self.dismiss(WorkspaceChoice("delete", "sae", self._contents.saes[self._saes.row].name))
        elif self.focused is self._sets and self._sets.row is not None:
            name = self._contents.activations[self._sets.row].name
            self.dismiss(WorkspaceChoice("delete", "activations", name))
        elif self.focused is self._damaged and self._damaged.row is not None:
            damaged = self._contents.damaged[self._damaged.row]
            self.dismiss(WorkspaceChoice("delete", damaged.kind, damaged.name))

    def action_measure(self) -> None:
        """Evaluate the SAE under the cursor, with a histogram."""
        if self._saes.row is not None:
            self.dismiss(
                WorkspaceChoice("measure", "sae", self._contents.saes[self._saes.row].name)
            )


def _set_cells(known: ActivationsInfo) -> tuple[str, ...]:
    return (
        known.name,
        job_texts.short(known.model),
        known.site,
        f"{known.d_model:,}",
        quantity(known.tokens),
        f"{known.documents:,}",
        byte_size(known.bytes),
    )


def _sae_cells(known: SAEInfo, selected: str | None) -> tuple[str, ...]:
    return (
        f"{known.name}{' (in use)' if known.name == selected else ''}",
        known.arch,
        f"{known.d_sae:,}",
        "" if known.k is None else str(known.k),
        known.activations,
        "  ".join(job_texts.metrics(known.metrics, ("fvu", "l0", "ce_score"))),
        "yes" if known.scanned else "no",
    )
