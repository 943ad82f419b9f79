"""Trainers in turn, each in a process of its own: ours, a peer, the next peer, ours again."""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.training.environment import REPOSITORY, our_python, surroundings
from benchmarks.training.messages import Request, Result
from benchmarks.training.table import Round
from benchmarks.training.trainers import OURS, PRODUCTS


def measure_round(requests: Sequence[Request], peers_python: Path) -> Round:
    """Each in turn, told on the way. All must have seen the same vectors."""
    results: Round = {}
    for request in requests:
        python = our_python() if request.trainer == OURS else peers_python
        result = Result.from_json(_answer(request, python))
        print(
            f"  {request.trainer}: {result.tokens_per_second:,.0f} tokens/s "
            f"({result.steps} steps in {result.seconds:.1f} s)",
            flush=True,
        )
        results[request.trainer] = result
    sums = {name: result.checksum for name, result in results.items()}
    if len(set(sums.values())) > 1:
        raise SystemExit(f"The trainers saw different vectors: the sums of these are {sums}.")
    return results


def measure_products(request: Request) -> dict[str, float]:
    """Operations per second of this machine's matrix products, by dtype."""
    rates: dict[str, float] = json.loads(_answer(request, our_python()))
    return rates


def products_request(size: str, threads: int, *, processor: bool = False) -> Request:
    """Asks for the rates of matrix products at a size."""
    return Request(PRODUCTS, "", size, k=0, threads=threads, steps=0, processor=processor)


def _answer(request: Request, python: Path) -> str:
    with tempfile.TemporaryDirectory() as folder:
        out, log = Path(folder, "out.json"), Path(folder, "log.txt")
        with log.open("w") as printed:
            ended = subprocess.run(
                [
                    str(python),
                    "-m",
                    "benchmarks.training.run_one",
                    json.dumps(asdict(request)),
                    str(out),
                ],
                cwd=REPOSITORY,
                env=surroundings(request.threads),
                stdout=printed,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if ended.returncode or not out.exists():
            raise SystemExit(f"{log.read_text()[-3000:]}\n{request.trainer} failed, see above.")
        return out.read_text()
