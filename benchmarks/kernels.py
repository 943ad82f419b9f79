"""How long each kernel of a training step takes, in plain PyTorch and in what serves the device.

    python -m benchmarks.kernels --size S M seed
    python -m benchmarks.kernels --size large --device cuda

One line for each function of `engine.sae.kernels`, on a whole batch of random vectors of which each
has k active features: milliseconds (the median of rounds in which both take turns) and what the
faster one moves per second. What a kernel must move counts: every array once, and every row that an
entry points to once an entry, as if no cache held any. The first line is the product that finds the
features, in operations per second: what a step can't do without, and what the others are to be
small beside.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.training.sizes import SIZES, Size
from benchmarks.training.table import markdown
from engine.sae.kernels import reference
from engine.sae.kernels.choose import kernels_for
from engine.sae.kernels.preactivations import CACHE_ELEMENTS, preactivations
from engine.sae.kernels.support import concatenate

LARGE = Size(2_304, 65_536, 8_192, 8_192)
"""A layer of a model of two billion parameters."""
FP32 = 4
INDEX = 4


class Kernel(NamedTuple):
    """A function of the kernels at work."""

    name: str
    run: Callable[[object], object]
    """With the module of kernels it is to use."""
    moved: int
    """Bytes."""


class Batch:
    """What a step's kernels work on."""

    def __init__(self, size: Size, k: int, device: torch.device) -> None:
        generator = torch.Generator().manual_seed(0)

        def drawn(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator).to(device)

        self.size, self.k = size, k
        self.x = drawn(size.batch, size.d_in)
        self.rows = torch.nn.functional.normalize(drawn(size.width, size.d_in), dim=1)
        self.grad = drawn(size.width, size.d_in)
        self.bias = torch.zeros(size.width, device=device)
        self.kernels = kernels_for(self.x)
        self.pre = torch.cat([block.clone() for block in self.product()])
        self.bound = self.pre[:16].flatten().float().topk(16 * k).values[-1].to(self.pre.dtype)
        self.bounds = self.bound.expand(size.width).contiguous()
        self.support = concatenate([self.kernels.select_top_k(block, k) for block in self.blocks()])
        self.acts = drawn(len(self.support.features)).abs()
        self.sorted = self.kernels.sort_by_feature(self.support, size.width)
        self.candidates, self.values = self.kernels.select_above(self.pre, self.bounds)
        self.group_of = torch.arange(size.width, device=device) * 5 // size.width

    def product(self) -> Iterator[Tensor]:
        """The pre-activations, a block at a time."""
        return preactivations(self.x, self.rows, self.bias)

    def blocks(self) -> tuple[Tensor, ...]:
        """They as a step sees them."""
        return self.pre.split(max(1, CACHE_ELEMENTS[self.x.device.type] // self.size.width))


def kernels_at_work(on: Batch) -> list[Kernel]:
    """All of them, in the order of a step."""
    n, d, width = on.size.batch, on.size.d_in, on.size.width
    entries, vectors, weights = len(on.acts), FP32 * n * d, FP32 * width * d
    gathered = FP32 * entries * d
    pre, found = on.pre.numel() * on.pre.element_size(), len(on.values)
    support, one = on.support, on.pre.element_size()
    listed = INDEX * entries
    every = (
        ("select_top_k", lambda m: [m.select_top_k(b, on.k) for b in on.blocks()], pre + listed),
        ("select_above", lambda m: [m.select_above(b, on.bounds) for b in on.blocks()],
         pre + found * (INDEX + one)),
        ("largest", lambda m: m.largest(on.candidates, on.values, n * on.k // 2),
         found * (INDEX + one)),
        ("stack_by_group", lambda m: m.stack_by_group(support, on.group_of, 5), 4 * listed),
        ("sort_by_feature", lambda m: m.sort_by_feature(support, width), 3 * listed),
        ("dots", lambda m: m.dots(on.x, on.rows, support), vectors + gathered),
        ("residual_and_dots", lambda m: m.residual_and_dots(on.x, on.rows, support, on.acts),
         2 * vectors + gathered),
        ("weighted_rows", lambda m: m.weighted_rows(on.rows, support, on.acts),
         vectors + gathered),
        ("sums_by_feature", lambda m: m.sums_by_feature(on.sorted, on.acts, on.x, on.grad),
         2 * weights + gathered),
        ("totals_by_feature", lambda m: m.totals_by_feature(on.sorted, on.acts), 2 * listed),
        ("remove_parallel", lambda m: m.remove_parallel(on.grad, on.rows), 3 * weights),
        ("normalise_rows", lambda m: m.normalise_rows(on.rows), 2 * weights),
    )  # fmt: skip
    return [Kernel(*each) for each in every]


def seconds_of(work: Callable[[], object], device: torch.device) -> float:
    """From the call until the device has done it."""
    began = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began


def take_turns(
    works: list[Callable[[], object]], device: torch.device, seconds: float
) -> list[float]:
    """The median time of each, after a turn that doesn't count, in turns for so many seconds."""
    for work in works:
        seconds_of(work, device)
    times: list[list[float]] = [[] for _ in works]
    while sum(map(sum, times)) < seconds or not times[0]:
        for taken, work in zip(times, works, strict=True):
            taken.append(seconds_of(work, device))
    return [statistics.median(taken) for taken in times]


def table(size: Size, k: int, device: torch.device, seconds: float) -> str:
    """All kernels at one size."""
    batch = Batch(size, k, device)
    ours = batch.kernels.__name__.rpartition(".")[2]
    (product,) = take_turns([lambda: list(batch.product())], device, seconds)
    dtype = str(batch.pre.dtype).removeprefix("torch.")
    rate = f"{size.step_operations / product / 1e9:,.0f} GFLOP/s"
    rows = [[f"product in {dtype}", "–", f"{product * 1e3:.2f}", "–", rate]]
    for kernel in kernels_at_work(batch):
        modules = (reference, batch.kernels)
        works = [lambda m=module, run=kernel.run: run(m) for module in modules]
        plain, fast = take_turns(works, device, seconds)
        figures = [f"{plain * 1e3:.2f}", f"{fast * 1e3:.2f}", f"{plain / fast:.1f}"]
        rows.append([kernel.name, *figures, f"{kernel.moved / fast / 1e9:,.1f} GB/s"])
    return markdown(["", "reference, ms", f"{ours}, ms", "faster by", "rate"], rows)


def main() -> None:
    """Print a table for every size."""
    sizes = {**SIZES, "large": LARGE}
    cuda = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", nargs="+", choices=sizes, default=["large"] if cuda else ["S"])
    parser.add_argument("--k", type=int, default=32)
    parser.add_argument("--device", default="cuda" if cuda else "cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--seconds", type=float, default=1.0, help="for each kernel")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    where = (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else f"{options.threads} threads"
    )
    for name in options.size:
        size = sizes[name]
        print(
            f"\n{name}: d {size.d_in:,}, {size.width:,} features, batch {size.batch:,}, "
            f"k {options.k}, on {where}, torch {torch.__version__}\n",
            flush=True,
        )
        print(table(size, options.k, device, options.seconds), flush=True)


if __name__ == "__main__":
    with torch.no_grad():
        main()
