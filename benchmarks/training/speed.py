"""How fast this project's trainer and the other libraries' train, in interleaved rounds.

    python -m benchmarks.training.speed --size S --arch topk

In each round every trainer trains for some seconds in a process of its own, one after the other,
so that a machine that slows down slows them all. See README.md for what is measured and how.
"""

import argparse
import statistics
from pathlib import Path

from benchmarks.training import estimate, report
from benchmarks.training.environment import peers_python
from benchmarks.training.messages import Request
from benchmarks.training.options import common
from benchmarks.training.rounds import measure_products, measure_round, products_request
from benchmarks.training.sizes import SIZES
from benchmarks.training.table import Round, clock_note, disturbed, speed_table
from benchmarks.training.trainers import contestants

STEPS = 3_000
"""That schedules are made for; no run gets there but at size tiny."""
WARMUP = 5
"""Steps before the clock starts: kernels are compiled and memory is taken by then."""


def compare(size: str, architecture: str, options: argparse.Namespace, python: Path) -> str:
    """Run all rounds of one size and architecture, and keep what they say after each."""
    requests = [
        Request(
            name,
            architecture,
            size,
            k=options.k,
            threads=options.threads,
            steps=STEPS,
            warmup=WARMUP,
            seconds=options.seconds,
            processor=options.processor,
        )
        for name in contestants(architecture, options.only)
    ]
    products = products_request(size, options.threads, processor=options.processor)
    rounds: list[Round] = []
    rates: list[dict[str, float]] = []
    page = ""
    for number in range(options.rounds):
        rates.append(measure_products(products))
        if number == 0:
            estimate.announce(requests, options.rounds, rates[0]["fp32"])
        rounds.append(measure_round(requests, python))
        page = _page(size, architecture, options, rounds, rates)
        measured = {"products": rates, "rounds": report.plain(rounds)}
        report.write(options.out, f"speed-{architecture}-{size}", page, measured)
    return page


def _page(
    size: str,
    architecture: str,
    options: argparse.Namespace,
    rounds: list[Round],
    rates: list[dict[str, float]],
) -> str:
    shape = SIZES[size]
    limits = "; ".join(
        f"{dtype} {_middle(rates, dtype) / 1e9:,.0f} GFLOP/s, so at most "
        f"{_middle(rates, dtype) * shape.batch / shape.step_operations:,.0f} tokens/s"
        for dtype in ("bf16", "fp32")
    )
    return "\n".join(
        [
            f"# Tokens per second: {architecture}, size {size}",
            "",
            f"`python -m benchmarks.training.speed --size {size} --arch {architecture} "
            f"--k {options.k} --rounds {options.rounds} --seconds {options.seconds:g} "
            f"--threads {options.threads}{' --processor' if options.processor else ''}`",
            "",
            f"d {shape.d_in}, {shape.width:,} features, k {options.k}, batch {shape.batch:,}. "
            f"Medians [lowest..highest] of {len(rounds)} rounds.",
            "",
            speed_table(rounds, rates, shape),
            "",
            f"- Matrix products: {limits}.",
            f"- {clock_note(processor=options.processor)} {disturbed(rounds)}",
            f"- {report.machine(options.threads)}; {report.versions(rounds[0])}.",
            "",
        ]
    )


def _middle(rates: list[dict[str, float]], dtype: str) -> float:
    return statistics.median(rate[dtype] for rate in rates)


def main() -> None:
    """Compare at each size and architecture that was asked for."""
    parser = common(__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0, help="of timed training in each run")
    options = parser.parse_args()
    python = peers_python(options.peers_python)
    for size in options.size:
        for architecture in options.arch:
            print("\n" + compare(size, architecture, options, python), flush=True)


if __name__ == "__main__":
    main()
