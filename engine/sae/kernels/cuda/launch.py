"""How a kernel is launched."""

from typing import Any

import torch

PER_THREAD = 16
"""Numbers of a block that a thread holds, of all the arrays that a kernel keeps in registers."""
THREADS = 32
"""In a warp."""


def launch(kernel: Any, grid: tuple[int, ...], *arguments: Any, **sizes: Any) -> None:
    """Run one program of `kernel` for each point of `grid`, on the GPU of the first argument."""
    with torch.cuda.device_of(arguments[0]):
        kernel[grid](*arguments, **sizes)


def warps_for(block: int) -> int:
    """How many warps share a block of so many numbers, a power of 2."""
    return min(32, max(1, block // (PER_THREAD * THREADS)))
