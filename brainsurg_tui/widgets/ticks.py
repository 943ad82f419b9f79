"""Round numbers at which an axis carries a label."""

import math
from itertools import pairwise

_NEARLY = 1e-9  # of a step: rounding must not lose the tick at the very end
_UNITS = ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k"))  # from where on, size, sign


def round_ticks(low: float, high: float, most: int) -> list[float]:
    """Return at most `most` numbers within low…high, all multiples of 1, 2 or 5 × 10^n."""
    if not low < high or most < 1:
        return []
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    for digit in (1, 2, 5, 10, 20):
        step = power * digit
        first = math.ceil(low / step - _NEARLY)
        last = math.floor(high / step + _NEARLY)
        if last - first < most:
            return [index * step for index in range(first, last + 1)]
    return []


def tick_labels(ticks: list[float]) -> list[str]:
    """Return the ticks in one unit with as many decimals as tell them apart: `0.0`, `0.5`; `10k`.

    Where that takes more than four decimals, or thousands of billions, they have an exponent.
    """
    largest = max((abs(tick) for tick in ticks), default=0.0)
    size, unit = next(((size, sign) for least, size, sign in _UNITS if largest >= least), (1.0, ""))
    step = min((after - before for before, after in pairwise(ticks)), default=size)
    decimals = max(0, -math.floor(math.log10(step / size) + _NEARLY))
    if decimals > 4 or largest >= 1e13:
        digits = max(0, math.floor(math.log10(largest)) - math.floor(math.log10(step) + _NEARLY))
        return [f"{tick:.{digits}e}".replace("e-0", "e-").replace("e+", "e") for tick in ticks]
    return [f"{tick / size:.{decimals}f}{unit if tick else ''}" for tick in ticks]


def power_ticks(low: float, high: float, most: int) -> list[tuple[float, str]]:
    """Return at most `most` (exponent, label) for a logarithmic axis from 10^low to 10^high.

    These are powers of ten, every one or every n-th; where that leaves fewer than two, 2 and 5
    times them as well.
    """
    if most < 1:
        return []
    every = [
        (exponent + math.log10(digit), f"{digit}e{exponent}")
        for exponent in range(math.floor(low), math.ceil(high) + 1)
        for digit in (1, 2, 5)
        if low <= exponent + math.log10(digit) <= high
    ]
    powers = [tick for tick in every if tick[1].startswith("1e")]
    chosen = powers if len(powers) > 1 else every
    stride = max(1, math.ceil(len(chosen) / most))
    return [(at, _plain(label)) for at, label in chosen[::stride]]


def _plain(label: str) -> str:
    """Return `5e-1` as `0.5` where that is short enough to read."""
    value = float(label)
    return f"{value:g}" if 1e-3 <= value < 1e4 else label
