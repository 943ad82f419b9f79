"""Time per thousand features and peak memory beside SAEDashboard and sae_vis.

    python -m benchmarks.dashboards --size S --arch jumprelu

In each round every program runs in a process of its own, one after the other, so that a machine
that slows down slows them all. See benchmarks/README.md for what is counted in.
"""

import argparse
import tempfile
from dataclasses import asdict
from pathlib import Path

from benchmarks.dashboards.material import make
from benchmarks.dashboards.messages import Request
from benchmarks.dashboards.page import agreement, parts_table, speed_table
from benchmarks.dashboards.programs import ONCE, OURS, PROGRAMS, contestants
from benchmarks.dashboards.rounds import Round, measure_round
from benchmarks.dashboards.sizes import ARCHITECTURES, BATCH, CONTEXT, SIZES
from benchmarks.training import report
from benchmarks.training.environment import BENCHMARKS, peers_python

VENV = BENCHMARKS / ".venv-dashboards"
REQUIREMENTS = Path(__file__).parent / "peers" / "requirements.txt"


def compare(architecture: str, options: argparse.Namespace, python: Path) -> str:
    """Run all rounds of one architecture, and keep what they say after each."""
    requests = [
        Request(name, options.size, options.batches, options.threads)
        for name in contestants(options.only)
    ]
    rounds: list[Round] = []
    page = ""
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), SIZES[options.size], architecture)
        for number in range(options.rounds):
            last = number == options.rounds - 1
            now = [request for request in requests if last or request.program not in ONCE]
            rounds.append(measure_round(now, Path(folder), python))
            page = _page(architecture, options, rounds)
            measured = {"rounds": [_plain(round_) for round_ in rounds]}
            name = f"dashboards-{architecture}-{options.size}"
            report.write(options.out, name, page, measured)
    return page


def _page(architecture: str, options: argparse.Namespace, rounds: list[Round]) -> str:
    size = SIZES[options.size]
    found = {
        name: number for result in rounds[-1].values() for name, number in result.versions.items()
    }
    versions = ", ".join(f"{name} {number}" for name, number in sorted(found.items()))
    return "\n".join(
        [
            f"# Dashboards of every feature: {architecture}, size {options.size}",
            "",
            f"`python -m benchmarks.dashboards --size {options.size} --arch {architecture} "
            f"--rounds {options.rounds} --batches {options.batches} --threads {options.threads}`",
            "",
            f"{size.width:,} features, d {size.d_model}, {size.tokens:,} tokens in "
            f"{size.prompts:,} prompts of {CONTEXT}. Medians [lowest..highest] of {len(rounds)} "
            f"rounds; {', '.join(ONCE)} ran in the last alone.",
            "",
            speed_table(rounds, size),
            "",
            parts_table(rounds),
            "",
            *(f"- {sentence}" for sentence in agreement(rounds[-1])),
            f"- {report.machine(options.threads)}; {versions}.",
            "",
        ]
    )


def _plain(round_: Round) -> dict[str, object]:
    """A round as JSON has it, without the figures of single features."""
    left_out = {"maxima": None, "densities": None}
    return {
        name: {key: value for key, value in asdict(result).items() if key not in left_out}
        for name, result in round_.items()
    }


def main() -> None:
    """Compare with each architecture that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    peers = [name for name in PROGRAMS if name != OURS]
    parser.add_argument("--size", choices=list(SIZES), default="S")
    parser.add_argument("--arch", nargs="+", choices=ARCHITECTURES, default=["jumprelu"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--batches", type=int, default=2, help=f"of {BATCH} features, that the others do"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=peers, default=[], metavar="PEER")
    parser.add_argument("--peers-python", type=Path, help="a Python that has the other programs")
    parser.add_argument("--out", type=Path, default=report.RESULTS, help="folder for the results")
    options = parser.parse_args()
    python = peers_python(options.peers_python, VENV, REQUIREMENTS)
    for architecture in options.arch:
        print("\n" + compare(architecture, options, python), flush=True)


if __name__ == "__main__":
    main()
