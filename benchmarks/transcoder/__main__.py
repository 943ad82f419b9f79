"""Whether a transcoder of a published shape can be worked with in a model of the real size.

    python -m benchmarks.transcoder --folder F --text T --pair gemma3-1b qwen3-1.7b

Makes a random model from its configuration and a random transcoder in a library's layout, and takes
them through the commands, as a user would: import, capture of what the MLP is given and gives out,
scan, find, clamp, evaluate. Says how long each took and the most memory that the engine and its
workers held together. The scan works out, too, what each feature promotes and suppresses: its
direction times the whole unembedding.
"""

import argparse
import os
import shutil
import sys
import textwrap
import time
from pathlib import Path
from typing import Any, NamedTuple

import torch

from benchmarks.stories import brainsurg, stop_engine
from benchmarks.training import report
from benchmarks.training.table import markdown
from benchmarks.transcoder.material import PAIRS, Pair
from benchmarks.transcoder.memory import PeakMemory
from engine.workspace.folders import Workspace

NAME = "transcoder"


class Step(NamedTuple):
    """What a command took."""

    name: str
    seconds: float
    peak_bytes: int
    said: dict[str, Any]


def chain(pair: Pair, options: argparse.Namespace, name: str, width: int) -> list[Step]:
    """Every command of the chain, once, in a new workspace."""
    model = pair.model(options.folder / name)
    source = pair.transcoder(options.folder / f"{name}-transcoder-{width}", width)
    path = options.folder / f"{name}-workspace"
    shutil.rmtree(path, ignore_errors=True)
    read, written = (f"mlp_{way}.{pair.layer}" for way in ("in", "out"))
    steps: list[Step] = []

    def take(command: str, *words: object) -> dict[str, Any]:
        began = time.perf_counter()
        with PeakMemory(Workspace.at(path)) as memory:
            said = brainsurg(path, command, *map(str, words))
        steps.append(Step(command, time.perf_counter() - began, memory.bytes, said))
        print(f"{name}: {steps[-1][:3]}", file=sys.stderr)
        return said

    try:
        take("import-sae", NAME, source, "--model", model)
        sites = ("--site", read, "--site", written)
        text = ("--text", options.text, "--max-tokens", options.tokens, "--context", 256)
        take("capture", "set", "--model", model, *sites, *text, "--dtype", "bfloat16")
        skip = ("--skip-token-effects",) if options.skip_token_effects else ()
        take("scan", NAME, "--activations", f"set.{read}", *skip)
        prompt = ("--prompt", "The capital of France is")
        found = take("find", NAME, *prompt, "--ablate", 20)
        edit = ("--feature", found["features"][0]["id"], "--times-max", 2)
        take("clamp", NAME, *edit, *prompt, "--nulls", 10, "--generate", 12)
        if not options.skip_evaluation:
            tokens = ("--max-tokens", min(1024, options.tokens))
            take("evaluate", NAME, "--activations", f"set.{read}", *tokens)
    finally:
        stop_engine(path)
    return steps


def lines(steps: list[Step]) -> list[list[str]]:
    """A row for each command."""
    outcomes = {
        "import-sae": lambda said: f"{said['d_sae']:,} features, {said['site']}",
        "capture": lambda said: f"{said['tokens']:,} tokens at two sites",
        "scan": lambda said: f"{said['alive']:,} features active",
        "find": lambda said: f"{said['active']:,} features active, {_ablated(said)} ablated",
        "clamp": lambda said: "checks hold" if _holds(said["checks"]) else "a check fails",
        "evaluate": lambda said: f"CE of {said['predictions']:,} predictions",
    }
    return [
        [step.name, f"{step.seconds:.0f}", f"{step.peak_bytes / 2**30:.1f}",
         outcomes[step.name](step.said)]
        for step in steps
    ]  # fmt: skip


def _ablated(said: dict[str, Any]) -> int:
    return sum(feature["effect"] is not None for feature in said["features"])


def _holds(checks: dict[str, Any]) -> bool:
    names = ("no_op", "hf_identical", "error_kept")
    return all(checks[name] for name in names)


def _command(name: str, options: argparse.Namespace) -> str:
    """What measures it again, wherever the files are."""
    words = ["python -m benchmarks.transcoder --folder F --text T --pair", name]
    words += ["--tokens", str(options.tokens), "--threads", str(options.threads)]
    words += ["--width", str(options.width)] if options.width else []
    words += ["--skip-token-effects"] if options.skip_token_effects else []
    words += ["--skip-evaluation"] if options.skip_evaluation else []
    return " ".join(words)


def main() -> None:
    """Measure, and write a page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True, help="For models and workspaces.")
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--pair", nargs="+", choices=PAIRS, default=list(PAIRS))
    parser.add_argument("--tokens", type=int, default=20_000)
    parser.add_argument("--width", type=int, help="Features, if not those of the published one.")
    parser.add_argument("--skip-token-effects", action="store_true", help="In the scan.")
    parser.add_argument(
        "--skip-evaluation", action="store_true", help="It compares all pairs of features."
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=report.RESULTS)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    for name in options.pair:
        pair, width = PAIRS[name], options.width or PAIRS[name].width
        steps = chain(pair, options, name, width)
        peak = max(step.peak_bytes for step in steps) / 2**30
        about = (
            f"{report.machine(options.threads)}, torch {torch.__version__}; load average"
            f" {os.getloadavg()[1]:.0f} at the end. {pair.described}, {width:,} features, all"
            f" numbers random; model in bfloat16, {options.tokens:,} tokens of text. The most"
            f" memory at a time was **{peak:.1f} GiB**."
        )
        does = "leaves out" if options.skip_token_effects else "works out, too,"
        notes = (
            "Seconds are those of the clock, with the start of the engine and loading. Memory is"
            " what the engine and its workers held together: pages that they share once, those of"
            f" mapped files too. The scan {does} which tokens each feature promotes and suppresses."
        )
        text = f"""# A transcoder in a model of the real size: {name}

    {_command(name, options)}

{textwrap.fill(about, 100)}

{markdown(["command", "seconds", "peak memory, GiB", "outcome"], lines(steps))}

{textwrap.fill(notes, 100)}
"""
        measured = {
            step.name: {"seconds": step.seconds, "peak_bytes": step.peak_bytes} for step in steps
        }
        report.write(options.out, f"transcoder-{name}", text, measured)
        print(text)


if __name__ == "__main__":
    main()
