"""Explained variance against time on real activations: this project's trainer and the others'.

    python -m benchmarks.training.stored WORKSPACE/activations/SET store.safetensors
    python -m benchmarks.training.race --store store.safetensors --seconds 60 \
        --set WORKSPACE/activations/SET --model MODEL

All train on the same vectors for the same time, with batches of the same size, and are scored on
the same held-out vectors at the same moments; scoring doesn't count. A score is that of the first
step that ends at the moment or later, which favours whoever is slow. Ours trains as its recipe
says, for `--tokens`, and is then done; the others' rates don't fall, and they go on to the end.

With `--set` and `--model` every autoencoder is saved at the end by its own library, read from
there, and spliced into the model on documents that none was trained on.
"""

import argparse
import tempfile
from pathlib import Path

from benchmarks.training import report
from benchmarks.training.environment import peers_python
from benchmarks.training.messages import Request, Result
from benchmarks.training.options import common
from benchmarks.training.rounds import measure_round
from benchmarks.training.table import clock_note, disturbed, markdown
from benchmarks.training.trainers import OURS, contestants

NO_END = 1_000_000
"""Steps for those that time ends."""
MOMENTS = (1, 2, 3, 5, 8, 12, 20, 30, 45, 60, 90, 120, 180)
"""Seconds."""


def requests(options: argparse.Namespace, saved: Path) -> list[Request]:
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
            score_at=moments(options.seconds),
            processor=options.processor,
            store=str(options.store.resolve()),
            batch=options.batch,
            save=str(saved / name) if options.set else "",
        )
        for name in contestants(architecture, options.only)
    ]


def moments(seconds: float) -> list[float]:
    """At which scores are taken in a race of so many seconds, its end among them."""
    return [*(moment for moment in MOMENTS if moment < seconds), seconds]


def explained_at(result: Result, seconds: float) -> float | None:
    """Of the first score that was taken then or later; of the last, where training was done."""
    scores = [scored for scored in result.scores if scored.step]
    if not scores:
        return None
    later = [scored for scored in scores if scored.seconds >= seconds]
    return 1 - (later or scores[-1:])[0].score.fvu


def table(
    results: dict[str, Result], options: argparse.Namespace, lost: dict[str, tuple[float, float]]
) -> str:
    """A row for each trainer; `lost`: CE score and KL of those that were spliced."""
    at = moments(options.seconds)
    header = ["", *(f"{seconds:g} s" for seconds in at), "tokens/s"]
    header += ["CE score", "KL"] if options.set else []
    rows = []
    for name, result in results.items():
        shown = [explained_at(result, seconds) for seconds in at]
        cells = ["–" if share is None else f"{share:.1%}" for share in shown]
        rows.append([name, *cells, f"{result.tokens_per_second:,.0f}"])
        if name in lost:
            ce_score, kl = lost[name]
            rows[-1] += [f"{ce_score:.1%}", f"{kl:.3f}"]
        elif options.set:
            rows[-1] += ["", ""]
    return markdown(header, rows)


def page(
    results: dict[str, Result], options: argparse.Namespace, lost: dict[str, tuple[float, float]]
) -> str:
    """To be read."""
    spliced = f" --set SET --model MODEL --evaluate-tokens {options.evaluate_tokens}"
    return "\n".join(
        [
            f"# Explained variance against time: {options.arch[0]}, size {options.size[0]}",
            "",
            f"`python -m benchmarks.training.race --store FILE --seconds {options.seconds:g} "
            f"--tokens {options.tokens} --batch {options.batch} --threads {options.threads}"
            f"{' --processor' if options.processor else ''}{spliced if options.set else ''}`",
            "",
            "Of held-out real activations, after seconds of training"
            + ("; CE score and KL of what there was at the end." if options.set else "."),
            "",
            table(results, options, lost),
            "",
            f"- {clock_note(processor=options.processor)} {disturbed([results])}",
            f"- {report.machine(options.threads)}; {report.versions(results)}.",
            "",
        ]
    )


def main() -> None:
    """Race, print and keep."""
    parser = common(__doc__.split("\n\n")[0])
    parser.set_defaults(size=["real"], only=["sparsify", "saelens", "saelens-bf16"])
    parser.add_argument("--store", type=Path, required=True, help="a file that `stored` wrote")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--tokens", type=int, default=2_000_000, help="that ours trains for")
    parser.add_argument("--batch", type=int, default=1_024)
    parser.add_argument("--set", type=Path, help="the activation set that the store is of")
    parser.add_argument("--model", default="", help="the model that it was captured from")
    parser.add_argument("--evaluate-tokens", type=int, default=8_192)
    options = parser.parse_args()
    if (options.set is None) != (not options.model):
        parser.error("--set and --model go together")
    name = f"race-{options.arch[0]}-{options.size[0]}"
    lost: dict[str, tuple[float, float]] = {}

    def keep() -> str:
        text = page(results, options, lost)
        spliced = {"CE score and KL": lost} if lost else {}
        report.write(options.out, name, text, {"rounds": report.plain([results]), **spliced})
        return text

    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder)
        results = measure_round(requests(options, saved), peers_python(options.peers_python))
        text = keep()
        for trainer in results if options.set else ():
            from benchmarks.training.spliced import splice_saved

            figures = splice_saved(
                saved / trainer, options.set, options.model, options.evaluate_tokens
            )
            lost[trainer] = figures.ce_score, figures.kl
            text = keep()
    print(text)


if __name__ == "__main__":
    main()
