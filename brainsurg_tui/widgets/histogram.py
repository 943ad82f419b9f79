"""A histogram of characters: bars that stand beside each other, and horizontal ones."""

from collections.abc import Sequence

from brainsurg_tui.widgets.bars import ASCII_BLOCKS, BLOCKS

_EIGHTHS = 8
_GAP_FROM = 3
"""Cells of a bar from which the last of them is left free."""


def columns_of(
    counts: Sequence[int], width: int, height: int, *, ascii_only: bool = False
) -> list[str]:
    """Return `counts` as bars of equal width in `height` lines of at most `width` cells.

    The largest count reaches to the top; one that is not zero shows at least its foot. Where there
    are more counts than cells, neighbours are added up.
    """
    if not counts or width < 1 or height < 1:
        return []
    heights = _resample(counts, width)
    cells = width // len(heights)
    largest = max(heights) or 1
    eighths = [
        max(1, round(count / largest * height * _EIGHTHS)) if count else 0 for count in heights
    ]
    gap = 1 if cells >= _GAP_FROM else 0
    blocks = ASCII_BLOCKS if ascii_only else BLOCKS
    lines = []
    for line in reversed(range(height)):
        signs = (_sign(bar - line * _EIGHTHS, blocks) for bar in eighths)
        lines.append("".join(sign * (cells - gap) + " " * gap for sign in signs))
    return lines


def _sign(eighths: int, blocks: str) -> str:
    return " " if eighths <= 0 else blocks[min(eighths, _EIGHTHS) - 1]


def _resample(counts: Sequence[int], width: int) -> list[int]:
    """At most `width` counts, as even in what they are made of as may be."""
    bins = min(width, len(counts))
    return [
        sum(counts[bin * len(counts) // bins : (bin + 1) * len(counts) // bins])
        for bin in range(bins)
    ]
