"""A table whose rows are features, or places at which one is active."""

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from brainsurg_tui.widgets.line_table import LineTable
from engine.service.protocol import Snippet


class FeatureRows(LineTable, inherit_bindings=False):
    """A line table in which `l` is left to the pane, for labelling; → still moves right."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "pan(1)", binding.description, show=False, id=binding.id)
        if isinstance(binding, Binding) and binding.id == "table.right"
        else binding
        for binding in LineTable.BINDINGS
    ]


@dataclass
class ReadDocument(Message):
    """The user wants to read the whole document around a snippet."""

    snippet: Snippet


@dataclass
class GoToFeature(Message):
    """The user wants to look at this feature."""

    sae: str
    feature: int
