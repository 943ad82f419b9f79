"""Kernels for the CPU in Numba: compiled by `jit`, run with a range of rows for each of torch's
threads.

Numba keeps what it compiled beside the file (or in the user's cache), so only the first worker ever
waits for it. A row is always summed by one thread in one order: the number of threads changes no
bit.
"""

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numba
import torch
from torch import Tensor

# sums may be reordered to use vector registers; infinities and NaN stay what they are, since a run
# that diverges is told by them
jit: Any = numba.njit(
    nogil=True,
    cache=True,
    error_model="numpy",  # a check for a division by 0 would keep a loop from being vectorised
    fastmath={"reassoc", "contract", "arcp", "nsz"},
)

_BITS = {torch.bfloat16: torch.int16, torch.float16: torch.int16, torch.float32: torch.int32}


def run_in_threads(kernel: Callable[..., None], n: int, *arguments: Any) -> None:
    """Call `kernel(*arguments, lo, hi)` in all of torch's threads, each with a range of n rows."""
    threads = torch.get_num_threads()
    cuts = [n * i // threads for i in range(threads + 1)]
    others = [
        _pool(threads - 1).submit(kernel, *arguments, lo, hi)
        for lo, hi in itertools.pairwise(cuts[1:])
    ]
    kernel(*arguments, cuts[0], cuts[1])
    for other in others:
        other.result()


@lru_cache(maxsize=1)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="kernel")


def arrays(*tensors: Tensor) -> list[Any]:
    """The tensors' memory as NumPy arrays; what a kernel writes to must be contiguous."""
    return [tensor.detach().contiguous().numpy() for tensor in tensors]


def bits_of(tensor: Tensor) -> Any:
    """A tensor's memory as an array of the integers of the same bits."""
    return tensor.detach().contiguous().view(_BITS[tensor.dtype]).numpy()
