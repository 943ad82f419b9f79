"""Where the time of a training step goes, and how much of it the processor's fastest product of
floats alone would take.

    python -m benchmarks.training.steps --size real real-wide seed

One process trains on random vectors, and the time within each part of a step is summed; what none
of them holds is the rest. Medians of the steps behind the first ones.
"""

import argparse
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from unittest.mock import patch

import torch

from benchmarks.training import report
from benchmarks.training.clock import now
from benchmarks.training.data import activations, directions
from benchmarks.training.products import product_rates
from benchmarks.training.sizes import SIZES, Size
from benchmarks.training.table import clock_note, markdown
from engine.sae.architectures import topk
from engine.sae.architectures.registry import build
from engine.sae.kernels import cpu
from engine.sae.kernels.cpu import estimates
from engine.sae.recipes import recipe
from engine.sae.training.adam import Adam
from engine.sae.training.trainer import Trainer

FIRST, COUNTED = 5, 15
"""Steps."""
PARTS: tuple[tuple[str, object, str], ...] = (
    ("product of integers", torch, "_int_mm"),
    ("product of floats", torch, "addmm"),
    ("to integers", estimates, "to_integers"),
    ("candidates among the products", estimates, "top_k_of_integers"),
    ("exact pre-activations of the candidates", cpu, "dots"),
    ("the k largest of them", topk, "keep_top_k"),
    ("residual, and its products with the decoder", cpu, "residual_and_dots"),
    ("gradients of encoder and decoder", cpu, "sums_by_feature"),
    ("entries by feature", cpu, "sort_by_feature"),
    ("Adam, directions of length 1", Adam, "_step_by_rows"),
)
"""Names, and where the function lives that is timed."""


@contextmanager
def timing_parts(clock: dict[str, float], *, processor: bool) -> Iterator[None]:
    """Add to `clock` what each of the `PARTS` takes."""

    def wrap(name: str, function: Callable[..., object]) -> Callable[..., object]:
        def run(*arguments: object, **named: object) -> object:
            began = now(processor=processor)
            result = function(*arguments, **named)
            clock[name] += now(processor=processor) - began
            return result

        return run

    with ExitStack() as stack:
        for name, owner, attribute in PARTS:
            assert isinstance(owner, (ModuleType, type))
            wrapped = wrap(name, getattr(owner, attribute))
            stack.enter_context(patch.object(owner, attribute, wrapped))
        yield


def measure(size: Size, k: int, *, processor: bool) -> tuple[float, dict[str, float]]:
    """Seconds of a step, and of its parts."""
    pool = activations(directions(size), 4 * size.batch)
    sae_config, training = recipe(
        "topk", size.d_in, len(pool), width=size.width, k=k, tokens=10**7, batch=size.batch
    )
    trainer = Trainer(build(sae_config, 0), training, pool, len(pool))
    steps: list[float] = []
    parts: list[dict[str, float]] = []
    for number in range(FIRST + COUNTED):
        clock: dict[str, float] = defaultdict(float)
        x = pool[number % 4 * size.batch :][: size.batch]
        with timing_parts(clock, processor=processor):
            began = now(processor=processor)
            trainer.step(x).wait()
            steps.append(now(processor=processor) - began)
        parts.append(clock)
    names = [name for name, *_ in PARTS]
    middle = {n: statistics.median(clock[n] for clock in parts[FIRST:]) for n in names}
    return statistics.median(steps[FIRST:]), middle


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--size", nargs="+", choices=SIZES, default=["real", "real-wide", "seed"])
    parser.add_argument("--k", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--processor", action="store_true", help="as `speed` takes it")
    parser.add_argument("--out", type=Path, default=report.RESULTS, help="folder for the results")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    columns: list[list[str]] = []
    for name in options.size:
        size = SIZES[name]
        rates = [product_rates(size, 1.0, processor=options.processor)["bf16"]]
        step, parts = measure(size, options.k, processor=options.processor)
        rates.append(product_rates(size, 1.0, processor=options.processor)["bf16"])
        limit = size.step_operations / max(rates)
        rest = step - sum(parts.values())
        seconds = [limit, step, *parts.values(), rest]
        shares = [limit / step, 1.0, *(part / step for part in (*parts.values(), rest))]
        columns.append(
            [f"{s * 1e3:.1f} ({share:.0%})" for s, share in zip(seconds, shares, strict=True)]
        )
        print(f"{name}: {limit / step:.0%} of the bf16 limit", flush=True)
    labels = ["the encoder's product in bf16: the limit", "a step", *(n for n, *_ in PARTS), "rest"]
    header = [""]
    for name in options.size:
        size = SIZES[name]
        header.append(f"d {size.d_in:,}, {size.width:,} features, batch {size.batch:,}")
    table = markdown(header, [list(row) for row in zip(labels, *columns, strict=True)])
    text = (
        "# Where a training step's time goes\n\n"
        f"`python -m benchmarks.training.steps --size {' '.join(options.size)} --k {options.k} "
        f"--threads {options.threads}{' --processor' if options.processor else ''}`\n\n"
        f"Milliseconds, and share of the step; topk, k {options.k}.\n\n{table}\n\n"
        f"- {clock_note(processor=options.processor)} {report.machine(options.threads)}; "
        f"torch {torch.__version__}.\n"
    )
    report.write(options.out, "steps", text, {"columns": columns})
    print(text)


if __name__ == "__main__":
    with torch.no_grad():
        main()
