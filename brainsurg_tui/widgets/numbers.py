"""Numbers as people read them: short, with a unit, and three significant digits."""

import math
from collections.abc import Callable, Iterable
from datetime import datetime

_THOUSANDS = ("", "k", "M", "G", "T")
_BYTE_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def figure(value: float) -> str:
    """Return `value` with three significant digits: `8.31`, `0.0123`, `1,204`, `2.40e-4`.

    Below 0.001 and from a million on it has an exponent.
    """
    if not math.isfinite(value):
        return str(value)  # nan, inf, -inf
    if value == 0:
        return "0"
    mantissa, exponent = _round(value)
    if not -3 <= exponent < 6:
        return f"{mantissa}e{exponent}"
    if exponent >= 3:
        return f"{value:,.0f}"
    return f"{value:.{2 - exponent}f}"


def signed(value: float) -> str:
    """Return what `figure` does, with a sign: `+0.0123`, `-8.31`, `0`."""
    return f"{'+' if value > 0 else ''}{figure(value)}"


def figure_or_dash(value: float | None) -> str:
    """Return what `figure` does; a dash for None and for what is no finite number."""
    return "–" if value is None or not math.isfinite(value) else figure(value)


def span(values: Iterable[float | None]) -> str:
    """Return the least and the largest of those that are known: `6–8`, or `7` where they are one;
    nothing where none is."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    least, most = min(known), max(known)
    return f"{least:g}–{most:g}" if least < most else f"{least:g}"


def count_or_figure(value: float) -> str:
    """Return a whole number in full, `1,204`, and any other with three significant digits."""
    return f"{value:,}" if isinstance(value, int) else figure(value)


def quantity(value: float) -> str:
    """Return a count in thousands, millions …: `31900` is `31.9k`, `512` stays `512`."""
    return _with_unit(value, _THOUSANDS, separator="")


def byte_size(value: float) -> str:
    """Return a number of bytes in decimal units: `18_400_000_000` is `18.4 GB`."""
    return _with_unit(value, _BYTE_UNITS, separator=" ")


def seconds(value: float) -> str:
    """Return a duration by its two largest units: `754` is `12 min 34 s`."""
    if not math.isfinite(value) or value < 0:
        return "?"
    if value < 10:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = whole // 60
    if minutes < 1440:
        return f"{minutes // 60} h {minutes % 60} min"
    hours = minutes // 60
    return f"{hours // 24} d {hours % 24} h"


def date_and_time(moment: float) -> str:
    """Return a moment, in seconds since 1970, by this machine's clock: `2026-01-31 09:05`."""
    return f"{datetime.fromtimestamp(moment):%Y-%m-%d %H:%M}"


def column_format(largest: float, *, digits: int = 3, at_least: int = 0) -> Callable[[float], str]:
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


def _round(value: float) -> tuple[str, int]:
    """Return mantissa and exponent of `value` after rounding to three digits (9.999 is 10.0)."""
    mantissa, exponent = f"{value:.2e}".split("e")
    return mantissa, int(exponent)


def _with_unit(value: float, units: tuple[str, ...], separator: str) -> str:
    if not math.isfinite(value):
        return str(value)
    if abs(value) < 999.5:
        shown = f"{value:.0f}" if value == int(value) or abs(value) >= 99.95 else f"{value:.3g}"
        return f"{shown}{separator}{units[0]}".rstrip()
    power = min(_round(value)[1] // 3, len(units) - 1)
    scaled = value / 1000**power
    digits = max(0, 2 - _round(scaled)[1])
    return f"{scaled:.{digits}f}{separator}{units[power]}"
