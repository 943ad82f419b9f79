"""Whether anything but an answer or a sentence comes of frames that no front end of ours sends.

    python -m benchmarks.hostile_frames [--count 10000] [--seed 0] [--first 0]

Every request there is, with values that can't be meant, and then cut, flipped, nested or with a
length of gigabytes in it, goes to a real daemon and its session worker, on a workspace with
activations, SAEs and a catalogue. Printed is how many were answered, how many were refused, and
every one that ended in a bug, an ended connection or no answer; the exit status is 0 if there was
none. `--first N --count 1` does the N-th again alone.
"""

import argparse
import asyncio
import os
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.hostile_frames.campaign import campaign
from benchmarks.mutated_files.workspace_material import write_workspace


async def main(options: argparse.Namespace) -> int:
    """The command."""
    came: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="bs-") as name:
        folder = Path(name)
        os.environ["BRAINSURG_RUNTIME_DIR"] = name
        write_workspace(folder / "good")
        outcomes = campaign(
            options.count, options.seed, good=folder / "good", folder=folder, first=options.first
        )
        async for outcome in outcomes:
            came["fault" if outcome.fault else "refused" if outcome.refused else "answered"] += 1
            if outcome.fault:
                print(outcome.what, outcome.fault, sep=": ", flush=True)
            elif options.count == 1:
                print(outcome.what, outcome.refused or "answered", sep=": ")
    print(*(f"{number} {name}" for name, number in came.items()), sep=", ")
    return 1 if came["fault"] else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0)
    raise SystemExit(asyncio.run(main(parser.parse_args())))
