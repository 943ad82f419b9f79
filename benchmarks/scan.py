"""What a scan costs beside encoding alone, and how much memory it takes beside what it said.

    python -m benchmarks.scan
    python -m benchmarks.scan --width 24576 --tokens 20000 --rounds 1     # to try it out

All read the same stored activations in the same blocks. Encoding alone is the one dense product,
(x − b_dec) @ W_enc in fp32, and nothing is done with what comes out of it. Finding alone is what a
scan does in its place: products in bf16, and of what may be active again in fp32. The scan finds
what is active, keeps counts, moments, histograms, distinct documents, categories, the 64 strongest
examples with their surroundings, samples and codes, and writes the catalogue. Each run is a process
of its own; in a round one follows the other.

The activations are random, and so are the SAE's directions: every feature is as active as every
other, so that no example list is ever settled, which is the worst case for the scan.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil
import torch

from benchmarks.training import report
from benchmarks.training.clock import now
from benchmarks.training.environment import surroundings
from benchmarks.training.table import Spread, clock_note, markdown
from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.manifest import Manifest
from engine.activations.store.writer import ActivationWriter
from engine.features.scan.blocks import blocks
from engine.features.scan.scan import scan
from engine.progress import Silent
from engine.sae.architectures.registry import build
from engine.sae.architectures.topk import TopK
from engine.sae.blocks import rows_per_block
from engine.sae.config import SAEConfig

WORDS = 1000
DOCUMENT = 256
"""Tokens in each document."""
RUNS = ("encode", "find", "scan")
SETTINGS = ("width", "tokens", "d_model", "k", "top_k", "threads")


def write_set(folder: Path, options: argparse.Namespace) -> None:
    """Random activations in documents of two categories."""
    generator = torch.Generator().manual_seed(0)
    about = Manifest(model="", site="resid_post.1", d_model=options.d_model, dtype="float32")
    with ActivationWriter(folder, about, [f" w{i}" for i in range(WORDS)]) as writer:
        for document in range(options.tokens // DOCUMENT):
            ids = torch.randint(WORDS, (DOCUMENT,), generator=generator)
            acts = torch.randn(DOCUMENT, options.d_model, generator=generator)
            writer.add(acts, ids, text="", category=f"kind {document % 2}")


class Told(Silent):
    """Keeps what the scan says before it begins."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


@torch.no_grad()
def run(options: argparse.Namespace) -> dict[str, Any]:
    """One of the `RUNS`, in this process: seconds, and memory beyond what was there before."""
    torch.set_num_threads(options.threads)
    acts = ActivationSet.open(options.set)
    config = SAEConfig(architecture="topk", d_in=options.d_model, d_sae=options.width, k=options.k)
    sae = build(config, seed=1)
    assert isinstance(sae, TopK)
    first = next(blocks(acts, acts.measure_rows().taken(), rows_per_block(options.width)))
    find = sae.finder()
    find(first.acts)  # kernels are compiled once for all scans
    told = Told()
    before = psutil.Process().memory_info().rss
    began = now(processor=options.processor)
    if options.run in ("encode", "find"):
        for stretch in blocks(acts, acts.measure_rows().taken(), rows_per_block(options.width)):
            if options.run == "encode":
                (stretch.acts - sae.b_dec) @ sae.W_enc.T
            else:
                find(stretch.acts)
    else:
        scan(
            sae,
            acts,
            options.set.parent / "catalogue",
            top_k=options.top_k,
            replace=True,
            progress=told,
        )
    seconds = now(processor=options.processor) - began
    with Path("/proc/self/status").open() as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    return {"seconds": seconds, "bytes": peak * 1024 - before, "said": told.said}


def started(folder: Path, what: str, options: argparse.Namespace) -> dict[str, Any]:
    """The same in a process of its own."""
    settings = [f"--{name.replace('_', '-')}={getattr(options, name)}" for name in SETTINGS]
    command = [sys.executable, "-m", "benchmarks.scan", f"--run={what}", f"--set={folder}"]
    if options.processor:
        command.append("--processor")
    done = subprocess.run(
        [*command, *settings], stdout=subprocess.PIPE, check=True, env=surroundings(options.threads)
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def measure(options: argparse.Namespace) -> list[dict[str, dict[str, Any]]]:
    """All rounds."""
    rounds = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "set"
        write_set(folder, options)
        for number in range(options.rounds + 1):
            both = {what: started(folder, what, options) for what in RUNS}
            if number:  # the first fills caches: the system's, and that of compiled kernels
                rounds.append(both)
                print(f"width {options.width}: {_ratio(both):.2f}", file=sys.stderr)
    return rounds


def _ratio(both: dict[str, dict[str, Any]]) -> float:
    ratio: float = both["scan"]["seconds"] / both["encode"]["seconds"]
    return ratio


def row(options: argparse.Namespace, rounds: list[dict[str, dict[str, Any]]]) -> list[str]:
    """What a width comes to."""
    rates = {
        what: Spread.of(options.tokens / both[what]["seconds"] for both in rounds) for what in RUNS
    }
    own = max(both["scan"]["bytes"] for both in rounds) / 1e6
    return [
        f"{options.width:,}",
        rates["encode"].shown("{:,.0f}"),
        rates["find"].shown("{:,.0f}"),
        rates["scan"].shown("{:,.0f}"),
        Spread.of(map(_ratio, rounds)).shown("{:.2f}"),
        f"{own:,.0f} MB",
        rounds[0]["scan"]["said"][0],
    ]


def _command() -> str:
    """As it was given, but for where the page goes."""
    given = iter(sys.argv[1:])
    kept = [word for word in given if word != "--out" or not next(given)]
    return " ".join(["python -m benchmarks.scan", *kept])


def main() -> None:
    """Measure, and write a page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, nargs="+", default=[24_576, 131_072])
    parser.add_argument("--tokens", type=int, default=32_768)
    parser.add_argument("--d-model", type=int, default=768)
    parser.add_argument("--k", type=int, default=32)
    parser.add_argument("--top-k", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=report.RESULTS)
    parser.add_argument("--processor", action="store_true", help="as `training.speed` takes it")
    parser.add_argument("--run", choices=RUNS, help=argparse.SUPPRESS)
    parser.add_argument("--set", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        (options.width,) = options.width
        json.dump(run(options), sys.stdout)
        return
    rows, measured = [], {}
    for width in options.width:
        here = argparse.Namespace(**{**vars(options), "width": width})
        measured[str(width)] = measure(here)
        rows.append(row(here, measured[str(width)]))
    header = ["width", "encoding alone, tokens/s", "finding alone, tokens/s", "scan, tokens/s"]
    header += ["scan costs", "memory", "told"]
    text = f"""# What a scan costs beside encoding alone

    {_command()}

{report.machine(options.threads)}, torch {torch.__version__}. {options.tokens:,} tokens of width
{options.d_model}, top-k SAEs with k {options.k}, {options.top_k} examples a feature; median of
{options.rounds} rounds, with lowest and highest. {clock_note(processor=options.processor)}

{markdown(header, rows)}

"Scan costs" is its time over that of encoding alone in the same round. Memory is the most that the
scan took beside the loaded SAE; the activations that it read, which the system can take back at any
time, are in it.
"""
    report.write(options.out, "scan", text, measured)
    print(text)


if __name__ == "__main__":
    main()
