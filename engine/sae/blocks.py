"""How much is computed at once where the whole would take too much memory. Torch-free."""

BLOCK_ELEMENTS = 1 << 24
"""Numbers of a temporary array held at once: 64 MB in fp32."""


def rows_per_block(width: int) -> int:
    """How many rows of `width` numbers make a block; one at least."""
    return max(1, BLOCK_ELEMENTS // max(1, width))
