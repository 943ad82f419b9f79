"""What `speed`, `quality` and `race` can all be asked."""

import argparse
from pathlib import Path

from benchmarks.training import report
from benchmarks.training.sizes import SIZES
from benchmarks.training.trainers import ARCHITECTURES, OURS, TRAINERS


def common(description: str) -> argparse.ArgumentParser:
    """A parser to add a command's own options to."""
    p = argparse.ArgumentParser(description=description)
    p.add_argument("--size", nargs="+", choices=list(SIZES), default=["S"])
    p.add_argument("--arch", nargs="+", choices=ARCHITECTURES, default=["topk"])
    p.add_argument("--k", type=int, default=32, help="features per vector; of jumprelu, its L0")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument(
        "--processor",
        action="store_true",
        help="count the processor's seconds: for a machine that has other work to do, one thread",
    )
    p.add_argument("--only", type=_peers, default=[], metavar="PEER,PEER")
    p.add_argument("--peers-python", type=Path, help="a Python that has the other libraries")
    p.add_argument("--out", type=Path, default=report.RESULTS, help="folder for the results")
    return p


def _peers(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in TRAINERS or name == OURS:
            known = ", ".join(peer for peer in TRAINERS if peer != OURS)
            raise argparse.ArgumentTypeError(f"no peer is called {name!r}; there are {known}")
    return names
