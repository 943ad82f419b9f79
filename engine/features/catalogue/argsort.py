"""The order of a million numbers, quickly enough for a key press (no torch here)."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SIGN = 0x8000_0000


def argsort(values: "NDArray[np.generic]", *, largest_first: bool) -> "NDArray[np.intp]":
    """The indices of `values` [rows], sorted by them; of equals the lower index first, NaN last.

    Values of 32 bits become whole numbers in the same order, and with the index below each a
    single sort of 64-bit numbers puts both in order: several times faster than a stable argsort.
    """
    import numpy as np

    bits = _ordered_bits(values, largest_first=largest_first)
    if bits is None:
        return _ranked_by_comparing(values, largest_first=largest_first)
    keys = bits.astype(np.uint64) << np.uint64(32)
    keys |= np.arange(len(values), dtype=np.uint64)
    keys.sort()
    keys &= np.uint64(0xFFFF_FFFF)
    return keys.astype(np.intp)


def _ordered_bits(
    values: "NDArray[np.generic]", *, largest_first: bool
) -> "NDArray[np.uint32] | None":
    """Whole numbers that compare as the values do; None for what has no such numbers here."""
    import numpy as np

    if values.dtype == np.float32:
        bits = np.add(values, np.float32(0)).view(np.uint32)  # + 0 makes of a negative zero a zero
        # A negative float's bits grow as it falls; a positive one's stand above all of them.
        bits = bits ^ np.where(bits & _SIGN, np.uint32(0xFFFF_FFFF), np.uint32(_SIGN))
        bits = ~bits if largest_first else bits
        return np.where(np.isnan(values), np.uint32(0xFFFF_FFFF), bits)
    if values.dtype.kind in "biu" and values.dtype.itemsize <= 4:
        bits = (values.astype(np.int64) + (_SIGN if values.dtype.kind == "i" else 0)).astype(
            np.uint32
        )
        return ~bits if largest_first else bits
    return None


def _ranked_by_comparing(
    values: "NDArray[np.generic]", *, largest_first: bool
) -> "NDArray[np.intp]":
    import numpy as np

    if not largest_first:
        return np.argsort(values, kind="stable")
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), -np.inf, values)
    # Turned around before and after, so that of equals the lower index stays first.
    return len(values) - 1 - np.argsort(values[::-1], kind="stable")[::-1]
