"""How good the default recipes are on a real model reading real stories, end to end.

    python -m benchmarks.stories --model MODEL --text STORIES

Everything goes through the `brainsurg` command, in a workspace that is thrown away: activations are
captured, an SAE of each architecture is trained on them, and each is evaluated on stories it has
not seen, on their activations and inside the model. The README's figures are those of stories260k
and a thousand of TinyStories.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.training import report
from benchmarks.training.table import markdown
from benchmarks.training.trainers import ARCHITECTURES

COMMAND = [sys.executable, "-c", "from brainsurg_tui.cli import main; main()"]
WITHOUT_K = ("relu", "gated")
"""Architectures in which nothing sets how many features are active."""


def brainsurg(workspace: Path, *arguments: str) -> dict[str, Any]:
    """A command's JSON document; its progress goes to stderr."""
    done = subprocess.run(
        [*COMMAND, *arguments, "--workspace", str(workspace), "--json"],
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"brainsurg {arguments[0]} failed, see above.")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def stop_engine(workspace: Path) -> None:
    """End what serves a workspace."""
    subprocess.run(
        [*COMMAND, "engine", "stop", "--workspace", str(workspace)],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def measure(workspace: Path, options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """What `train` and `evaluate` say of each architecture."""
    site = ("--site", options.site, "--text", str(options.text))
    brainsurg(workspace, "capture", "stories", "--model", str(options.model), *site)
    said = {}
    for arch in options.arch:
        size = ["--width", str(options.width), "--tokens", str(options.tokens)]
        if arch not in WITHOUT_K:
            size += ["--k", str(options.k)]
        trained = brainsurg(
            workspace, "train", arch, "--activations", "stories", "--arch", arch, *size
        )
        said[arch] = {"train": trained, "evaluate": brainsurg(workspace, "evaluate", arch)}
    return said


def page(said: dict[str, dict[str, Any]], options: argparse.Namespace) -> str:
    """The figures, to be read."""
    rows = []
    for arch, answers in said.items():
        trained, figures = answers["train"], answers["evaluate"]
        rows.append(
            [
                arch,
                f"{figures['explained_variance']:.1%}",
                f"{figures['ce_score']:.1%}",
                f"{figures['delta_ce']:.3f}",
                f"{figures['l0']:.1f}",
                f"{1 - figures['dead_fraction']:.1%}",
                f"{trained['tokens'] / trained['tokens_per_second']:.0f} s",
            ]
        )
    header = ["", "explained variance", "CE score", "ΔCE", "L0", "alive", "training"]
    return "\n".join(
        [
            f"# {options.model.name}, {options.site}",
            "",
            "`python -m benchmarks.stories --model MODEL --text STORIES "
            f"--site {options.site} --width {options.width} --k {options.k} "
            f"--tokens {options.tokens}`, all else by default; on stories held out of training.",
            "",
            markdown(header, rows),
            "",
        ]
    )


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="folder of a causal LM")
    parser.add_argument("--text", type=Path, required=True, help="documents, as for `capture`")
    parser.add_argument("--site", default="resid_post.3")
    parser.add_argument("--width", type=int, default=1_024)
    parser.add_argument("--k", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=2_000_000)
    parser.add_argument("--arch", nargs="+", choices=ARCHITECTURES, default=list(ARCHITECTURES))
    parser.add_argument("--out", type=Path, default=report.RESULTS, help="folder for the results")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        workspace = Path(folder)
        try:
            said = measure(workspace, options)
        finally:
            stop_engine(workspace)
    text = page(said, options)
    report.write(options.out, f"stories-{options.model.name}", text, said)
    print(text)


if __name__ == "__main__":
    main()
