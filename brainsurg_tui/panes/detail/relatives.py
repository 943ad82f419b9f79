"""A list of the features nearest to one, in which one can move and go to them."""

from textual import on

from brainsurg_tui.panes.feature_rows import FeatureRows, GoToFeature
from brainsurg_tui.widgets.columns import Column
from brainsurg_tui.widgets.line_table import LineTable
from engine.service.protocol import Relatives

_LABEL = Column("label", "label", width=8, fraction=1, priority=3)

NEAREST = (
    Column("id", "nearest", width=8, align="right", priority=5),
    Column("likeness", "cosine", width=6, align="right", priority=4),
    _LABEL,
)
COACTIVE = (
    Column("id", "together", width=8, align="right", priority=5),
    Column("likeness", "jaccard", width=7, align="right", priority=4),
    Column("given_this", "P(j|i)", width=6, align="right", priority=2),
    Column("given_other", "P(i|j)", width=6, align="right", priority=1),
    _LABEL,
)
"""i is the feature looked at, j the one of the line; both on the tokens where the other is."""


class RelativeRows(FeatureRows):
    """Relatives as they are answered; enter goes to one."""

    def __init__(self, columns: tuple[Column, ...], id: str, *, ascii_only: bool) -> None:
        super().__init__(*columns, id=id, ascii_only=ascii_only)
        self._shown: Relatives | str | None = None
        self._sae = ""

    def show(self, sae: str, answer: Relatives | str | None) -> None:
        """Show an answer about features of `sae`, or why there is none, or that it is awaited."""
        if (sae, answer) == (self._sae, self._shown) and (self.shown or self.empty_text):
            return
        self._sae, self._shown = sae, answer
        relatives = answer.relatives if isinstance(answer, Relatives) else []
        self.empty_text = "…" if answer is None else answer if isinstance(answer, str) else "none"

        def cells(row: int) -> list[str]:
            relative = relatives[row]
            shown = {
                "id": str(relative.id),
                "likeness": f"{relative.likeness:.3f}",
                "given_this": _share(relative.given_this),
                "given_other": _share(relative.given_other),
                "label": relative.label,
            }
            return [shown[column.key] for column in self.columns]

        self.set_rows(len(relatives), cells)

    @on(LineTable.Highlighted)
    def _stay(self, event: LineTable.Highlighted) -> None:
        event.stop()  # to move among relatives is not to go to them

    @on(LineTable.Opened)
    def _go(self, event: LineTable.Opened) -> None:
        event.stop()
        if isinstance(self._shown, Relatives):
            self.post_message(GoToFeature(self._sae, self._shown.relatives[event.row].id))


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
