"""Tokens per second of `brainsurg capture`, beside the model alone and SAELens.

    python -m benchmarks.capture --text STORIES --smollm2 FOLDER --stories260k FOLDER --gemma FOLDER

Every model that is named is measured, in rounds in which these take turns:

    capture         the job, through the function that the engine calls: text is tokenised, what is
                    observed is checked, hashed, written and synced; loading not counted
    with loading    the same, loading counted
    bare            the layers up to the site on full windows, tokenised before, nothing looked at
    hidden states   the whole model with transformers' output_hidden_states (logits of the last
                    token alone), nothing kept
    SAELens         its ActivationsStore.get_raw_llm_batch, one module hooked, nothing written

`--gemma FOLDER` is where a random Gemma 3 1B is made. SAELens runs in the Python that
`--peers-python` names, and is left out without it.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch

from benchmarks.capture import subject as measured
from benchmarks.capture.models import random_gemma
from benchmarks.capture.subject import Subject
from benchmarks.training.environment import surroundings
from benchmarks.training.report import RESULTS, machine, write
from engine.workspace.folders import Workspace

NAMES = ("capture", "with loading", "bare", "hidden states", "SAELens")
Figures = dict[str, list[float]]


class SAELens:
    """The process that runs SAELens' store."""

    def __init__(self, python: Path, subject: Subject, windows: Path, threads: int) -> None:
        script = Path(__file__).with_name("saelens.py")
        given = (subject.model, subject.layer, windows, subject.dtype, threads)
        self._process = subprocess.Popen(
            [str(python), str(script), *map(str, given)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        if self._line() != "ready":
            raise SystemExit(f"SAELens could not be run with {python}.")

    def measure(self, tokens: int) -> float:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{tokens}\n")
        self._process.stdin.flush()
        return float(self._line())

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def measure(subject: Subject, rounds: int, threads: int, peers: Path | None) -> Figures:
    """Tokens per second by name, one figure a round."""
    figures: Figures = defaultdict(list)
    lm = subject.load()
    windows = subject.windows(lm)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.open(Path(folder, "workspace"))
        np.save(Path(folder, "windows.npy"), windows.numpy())
        lens = None
        if peers is not None:
            lens = SAELens(peers, subject, Path(folder, "windows.npy"), threads)
        for round_ in range(rounds + 1):  # the first warms up
            capture, with_loading, stored = subject.capture(workspace)
            row = {
                "capture": capture,
                "with loading": with_loading,
                "bare": measured.bare(lm, subject.layer, windows),
                "hidden states": measured.hidden_states(lm, subject.layer, windows),
            }
            if lens is not None:
                row["SAELens"] = lens.measure(subject.tokens)
            print({name: round(value) for name, value in row.items()}, stored, flush=True)
            if round_:
                for name, value in row.items():
                    figures[name].append(value)
        if lens is not None:
            lens.close()
    return dict(figures)


def table(found: dict[str, Figures]) -> list[str]:
    """A line a model: medians, and what a capture is of the bare pass, round by round."""
    lines = ["| model | " + " | ".join(NAMES) + " | capture of bare |", "|---|" + "---:|" * 6]
    for name, figures in found.items():
        cells = [f"{statistics.median(figures[n]):,.0f}" if n in figures else "–" for n in NAMES]
        ratios = [a / b for a, b in zip(figures["capture"], figures["bare"], strict=True)]
        share = f"{statistics.median(ratios):.0%} ({min(ratios):.0%} to {max(ratios):.0%})"
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {share} |")
    return lines


def main() -> None:
    """Measure the models that are named, and write the page."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--text", type=Path, required=True)
    for model in ("smollm2", "stories260k", "gemma"):
        options.add_argument(f"--{model}", type=Path)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--threads", type=int, default=os.cpu_count())
    options.add_argument("--scale", type=float, default=1.0, help="of the tokens of a round")
    options.add_argument("--peers-python", type=Path)
    options.add_argument("--out", type=Path, default=RESULTS)
    given = options.parse_args()
    if os.environ.get("OMP_NUM_THREADS") != str(given.threads):
        again = [sys.executable, "-m", "benchmarks.capture", *sys.argv[1:]]
        os.execve(sys.executable, again, surroundings(given.threads))
    torch.set_num_threads(given.threads)
    if given.peers_python is None:
        print("SAELens is left out: --peers-python names no Python that has it.")
    subjects = {
        "stories260k, resid_post.2": (given.stories260k, 2, "float32", 60_000),
        "SmolLM2-135M, resid_post.15": (given.smollm2, 15, "bfloat16", 32_768),
        "random Gemma 3 1B, resid_post.12": (given.gemma, 12, "bfloat16", 4_096),
    }
    found = {}
    for name, (folder, layer, dtype, tokens) in subjects.items():
        if folder is None:
            print(f"{name} is left out: its folder is not given.")
            continue
        model = random_gemma(folder) if folder == given.gemma else folder
        subject = Subject(
            model, layer, given.text, dtype=dtype, context=256, tokens=int(given.scale * tokens)
        )
        print(name, flush=True)
        found[name] = measure(subject, given.rounds, given.threads, given.peers_python)
    command = "python -m benchmarks.capture " + " ".join(sys.argv[1:])
    page = [
        "# Capture beside the model alone\n",
        "Tokens per second in windows of 256 tokens, padding not counted; medians of"
        f" {given.rounds} rounds in which all take turns.\n",
        *table(found),
        f"\n`{command}`\n\n{machine(given.threads)}, torch {torch.__version__}",
    ]
    write(given.out, "capture", "\n".join(page) + "\n", {"command": command, "figures": found})
    print("\n".join(table(found)))


if __name__ == "__main__":
    main()
