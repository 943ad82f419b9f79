"""Explained variance against time on real activations: this project's trainer and the others'.

    python -m benchmarks.training.stored WORKSPACE/activations/SET store.safetensors
    python -m benchmarks.training.race --store store.safetensors --seconds 60

All train on the same vectors for the same time, with batches of the same size, and are scored on
the same held-out vectors again and again; scoring doesn't count. Ours trains as its recipe says,
for `--tokens`, and is then done; the others' rates don't fall, and they go on to the end.
"""

import argparse
from pathlib import Path

from benchmarks.training import report
from benchmarks.training.environment import peers_python
from benchmarks.training.messages import Request, Result
from benchmarks.training.options import common
from benchmarks.training.rounds import measure_round
from benchmarks.training.table import disturbed, markdown
from benchmarks.training.trainers import OURS, contestants

NO_END = 1_000_000
"""Steps for those that time ends."""
SHOWN = 8
"""Moments in the table."""


def requests(options: argparse.Namespace) -> list[Request]:
    """One for each trainer."""
    (size,), (architecture,) = options.size, options.arch
    return [
        Request(
            name,
            architecture,
            size,
            k=options.k,
            threads=options.threads,
            steps=-(-options.tokens // options.batch) if name == OURS else NO_END,
            seconds=options.seconds,
            score_every=options.score_every,
            store=str(options.store.resolve()),
            batch=options.batch,
        )
        for name in contestants(architecture, options.only)
    ]


def explained_at(result: Result, seconds: float) -> float | None:
    """Of the last score that was taken by then."""
    scores = [s.score.fvu for s in result.scores if s.step and s.seconds <= seconds]
    return 1 - scores[-1] if scores else None


def main() -> None:
    """Race, print and keep."""
    parser = common(__doc__.split("\n\n")[0])
    parser.set_defaults(size=["real"], only=["sparsify", "saelens", "saelens-bf16"])
    parser.add_argument("--store", type=Path, required=True, help="a file that `stored` wrote")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--tokens", type=int, default=2_000_000, help="that ours trains for")
    parser.add_argument("--batch", type=int, default=1_024)
    parser.add_argument("--score-every", type=int, default=50, metavar="STEPS")
    options = parser.parse_args()
    results = measure_round(requests(options), peers_python(options.peers_python))
    moments = [options.seconds * (i + 1) / SHOWN for i in range(SHOWN)]
    rows = []
    for name, result in results.items():
        shown = [explained_at(result, seconds) for seconds in moments]
        cells = ["–" if share is None else f"{share:.1%}" for share in shown]
        rows.append([name, *cells, f"{result.tokens_per_second:,.0f}"])
    text = "\n".join(
        [
            f"# Explained variance against time: {options.arch[0]}, size {options.size[0]}",
            "",
            "Of held-out real activations, after seconds of training.",
            "",
            markdown(["", *(f"{seconds:.0f} s" for seconds in moments), "tokens/s"], rows),
            "",
            f"- {disturbed([results])}",
            f"- {report.machine(options.threads)}; {report.versions(results)}.",
            "",
        ]
    )
    name = f"race-{options.arch[0]}-{options.size[0]}"
    report.write(options.out, name, text, {"rounds": report.plain([results])})
    print(text)


if __name__ == "__main__":
    main()
