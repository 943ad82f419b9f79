"""Whether anything but a sentence comes of files that are damaged or hostile.

    python -m benchmarks.mutated_files [--count 10000] [--seed 0] [--first 0]

Good files of every kind that is imported (SAEs in the layouts of all libraries, activations,
labels, texts) or lies in a workspace (activation sets, SAEs, catalogues, unfinished scans and
trainings, settings, what the app remembers) are changed one way each: cut, flipped, fields and
tensors replaced by what can't be meant.
Each goes through the reader that the product has for it. Printed is how many were read, how many
were refused, every exception that is no `UserError`, and the slowest; the exit status is 0 if there
was no such exception. `--first N --count 1` does the N-th again alone.
"""

import argparse
import resource
from collections import Counter

from benchmarks.mutated_files.campaign import campaign


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    came: Counter[str] = Counter()
    slowest: list[tuple[float, str]] = []
    for outcome in campaign(options.count, options.seed, first=options.first):
        what = f"{outcome.number}: {outcome.mutation} {outcome.file} of {outcome.kind}"
        came["fault" if outcome.fault else "refused" if outcome.refused else "read"] += 1
        slowest = sorted([*slowest, (outcome.seconds, what)], reverse=True)[:3]
        if outcome.fault:
            print(what, outcome.fault, sep=": ")
        elif options.count == 1:
            print(what, outcome.refused or "read", sep=": ")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(*(f"{number} {name}" for name, number in came.items()), sep=", ")
    print(f"at most {memory} MB;", *(f"{seconds:.1f} s for {what}" for seconds, what in slowest))
    return 1 if came["fault"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
