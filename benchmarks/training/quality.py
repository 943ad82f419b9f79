"""How good an autoencoder this project's trainer and the other libraries' give, in which time.

    python -m benchmarks.training.quality

Every trainer trains for the same steps with its own defaults, and is scored on the way against
the dictionary that the vectors were made from. See README.md for what is measured and how.
"""

import argparse
from pathlib import Path

from benchmarks.training import estimate, report
from benchmarks.training.environment import peers_python
from benchmarks.training.messages import Request
from benchmarks.training.options import common
from benchmarks.training.rounds import measure_products, measure_round, products_request
from benchmarks.training.sizes import SIZES
from benchmarks.training.table import Round, clock_note, course_table, disturbed, quality_table
from benchmarks.training.trainers import contestants

ENOUGH = 0.95
"""Share of the true directions whose recovery is timed."""
SCORE_EVERY = 25
"""Steps."""
SHOWN = (0, 25, 50, 100, 150, 200, 300, 500, 1_000)
"""Steps whose figures stand in the page; the JSON file has all."""


def compare(size: str, architecture: str, options: argparse.Namespace, python: Path) -> str:
    """Run all rounds of one size and architecture, and keep what they say after each."""
    requests = [
        Request(
            name,
            architecture,
            size,
            k=options.k,
            threads=options.threads,
            steps=options.steps,
            score_every=SCORE_EVERY,
            processor=options.processor,
        )
        for name in contestants(architecture, options.only)
    ]
    products = products_request(size, options.threads, processor=options.processor)
    rate = measure_products(products)["fp32"]
    estimate.announce(requests, options.rounds, rate)
    rounds: list[Round] = []
    page = ""
    for _ in range(options.rounds):
        rounds.append(measure_round(requests, python))
        page = _page(size, architecture, options, rounds)
        measured = {"rounds": report.plain(rounds)}
        report.write(options.out, f"quality-{architecture}-{size}", page, measured)
    return page


def _page(size: str, architecture: str, options: argparse.Namespace, rounds: list[Round]) -> str:
    shape = SIZES[size]
    shown = [step for step in SHOWN if step <= options.steps]
    return "\n".join(
        [
            f"# Quality per second: {architecture}, size {size}",
            "",
            f"`python -m benchmarks.training.quality --size {size} --arch {architecture} "
            f"--k {options.k} --steps {options.steps} --rounds {options.rounds} "
            f"--threads {options.threads}{' --processor' if options.processor else ''}`",
            "",
            f"d {shape.d_in}, {shape.width:,} features, k {options.k}, batch {shape.batch:,}; "
            f"{options.steps * shape.batch:,} vectors in all. Scores of the first round, seconds "
            f"as medians [lowest..highest] of {len(rounds)}.",
            "",
            quality_table(rounds, ENOUGH),
            "",
            course_table(rounds[0], shown, "recovered"),
            "",
            course_table(rounds[0], shown, "fvu"),
            "",
            f"- {clock_note(processor=options.processor)} {disturbed(rounds)}",
            f"- {report.machine(options.threads)}; {report.versions(rounds[0])}.",
            "",
        ]
    )


def main() -> None:
    """Compare at each size and architecture that was asked for."""
    parser = common(__doc__.split("\n\n")[0])
    parser.add_argument("--steps", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    python = peers_python(options.peers_python)
    for size in options.size:
        for architecture in options.arch:
            print("\n" + compare(size, architecture, options, python), flush=True)


if __name__ == "__main__":
    main()
