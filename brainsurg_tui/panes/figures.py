"""Numbers that stand in columns: as many decimals as the largest needs, points under points."""

import math
from collections.abc import Callable

from brainsurg_tui.widgets.numbers import figure


def aligned(largest: float, *, digits: int = 3, at_least: int = 0) -> Callable[[float], str]:
    """How to write the values of a column whose largest absolute value is `largest`.

    The largest gets `digits` significant digits, or `at_least` so many decimals, and the others as
    many decimals; what would come out as zero without being it is written with an exponent.
    """
    if not math.isfinite(largest) or largest <= 0:
        return figure
    decimals = min(5, max(at_least, digits - 1 - math.floor(math.log10(largest))))
    least = 0.5 * 10.0**-decimals

    def write(value: float) -> str:
        if not math.isfinite(value):
            return "–"
        if value and abs(value) < least:
            return f"{value:.0e}".replace("e-0", "e-")
        return f"{value:,.{decimals}f}"

    return write
