"""The room between the lines, in which panes stand where `layout` says."""

from textual.containers import Container
from textual.geometry import Offset, Region, Size, Spacing
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.widget import Widget

from brainsurg_tui.panes.pane import Pane


class PlacesLayout(Layout):
    """Puts every pane where `layout` says."""

    name = "places"

    def __init__(self) -> None:
        self.places: dict[str, Region] = {}

    def arrange(
        self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True
    ) -> ArrangeResult:
        """One placement for every pane that has a place."""
        return [
            WidgetPlacement(self.places[child.id], Offset(), Spacing(), child)
            for child in children
            if child.id in self.places
        ]


class PaneArea(Container):
    """The room between the lines."""

    def __init__(self, *panes: Pane) -> None:
        super().__init__(*panes, id="panes")
        self.places_layout = PlacesLayout()

    @property
    def layout(self) -> Layout:
        """Places instead of rows or columns."""
        return self.places_layout

    def place(self, places: dict[str, Region]) -> None:
        """Show the panes that have a place, there."""
        if places == self.places_layout.places:
            return
        self.places_layout.places = places
        for pane in self.children:
            pane.display = pane.id in places
            pane.refresh(layout=True)  # it is the child that makes the parent arrange anew
