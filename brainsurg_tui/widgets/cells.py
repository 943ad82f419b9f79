"""Cutting and padding text to terminal cells, where a wide character takes two of them."""

from typing import Literal

from rich.cells import cell_len, set_cell_size

Align = Literal["left", "right"]


def clip(text: str, width: int, *, ellipsis: str = "…") -> str:
    """Return `text` cut to at most `width` cells, ending in `ellipsis` where something is cut."""
    if width <= 0:
        return ""
    if cell_len(text) <= width:
        return text
    if cell_len(ellipsis) > width:
        return set_cell_size(text, width)
    return set_cell_size(text, width - cell_len(ellipsis)) + ellipsis


def fit(text: str, width: int, align: Align = "left", *, ellipsis: str = "…") -> str:
    """Return `text` clipped and padded to exactly `width` cells."""
    text = clip(text, width, ellipsis=ellipsis)
    padding = " " * (width - cell_len(text))
    return padding + text if align == "right" else text + padding
