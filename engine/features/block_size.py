"""How much is computed at once, where all features of many tokens would not fit into memory."""

BLOCK_ELEMENTS = 1 << 24
"""Numbers of a block, such as [rows, features] float32: 64 MiB."""


def rows_per_block(width: int) -> int:
    """How many rows keep one [rows, width] array within `BLOCK_ELEMENTS` numbers; at least one."""
    return max(1, BLOCK_ELEMENTS // width)
