"""Whether `evaluate` says what SAELens' evaluation and SAEBench's `core` say.

    python -m benchmarks.evaluation --model MODEL --text STORIES

Everything of ours goes through the `brainsurg` command, in a workspace that is thrown away: SAEs
are trained, exported to SAELens' layout, and evaluated on a set of texts that are a whole window of
tokens each. The others load these files and read these tokens, each in its own environment. Ends
with status 1 if a figure that should be the same differs by more than round-off.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from benchmarks.evaluation.figures import BATCH, DIFFERENT, PEERS, SAME
from benchmarks.stories import brainsurg, stop_engine
from benchmarks.training import report
from benchmarks.training.environment import BENCHMARKS, REPOSITORY, peers_python, surroundings
from benchmarks.training.table import markdown

HERE = Path(__file__).parent
ROUND_OFF = 1e-4
"""Largest difference, as a share of the figure: sums of a million fp32 numbers in another order."""
ARCHITECTURES = {"topk": ("--k", "16"), "batchtopk": ("--k", "16"), "relu": ()}
"""How each is trained; SAELens has the second as jumprelu."""


@dataclass(frozen=True)
class Windows:
    """Texts that are as many tokens each, BOS included."""

    texts: list[str]
    tokens: list[list[int]]


def windows_of(model: Path, text: Path, context: int, count: int) -> Windows:
    """The first windows of a corpus whose text is tokenised to the same tokens again."""
    tokenizer = AutoTokenizer.from_pretrained(model)
    texts, tokens = [], []
    for story in json.loads(text.read_text()):
        _, *ids = tokenizer(story, verbose=False)["input_ids"]
        for first in range(0, len(ids), context - 1):
            part = ids[first : first + context - 1]
            written = tokenizer.decode(part)
            again = tokenizer(written)["input_ids"]
            if len(again) == context and again[1:] == part:
                texts.append(written)
                tokens.append(again)
        if len(texts) >= count:
            break
    if len(texts) < count:
        sys.exit(f"{text} holds {len(texts)} windows of {context} tokens, not {count}.")
    return Windows(texts[:count], tokens[:count])


def ours(workspace: Path, options: argparse.Namespace, windows: Windows) -> dict[str, Any]:
    """Train, export and evaluate; what `evaluate` says of each SAE."""
    texts = workspace / "windows.json"
    texts.write_text(json.dumps(windows.texts))
    where = ("--model", str(options.model), "--site", options.site)
    brainsurg(workspace, "capture", "train", *where, "--text", str(options.text))
    captured = brainsurg(workspace, "capture", "windows", *where, "--text", str(texts))
    if captured["sinks"]:
        sys.exit(f"{captured['sinks']} tokens are sinks, which only we leave out.")
    said = {}
    for name, flags in ARCHITECTURES.items():
        size = ("--width", str(options.width), "--tokens", str(options.tokens))
        brainsurg(workspace, "train", name, "--activations", "train", "--arch", name, *flags, *size)
        out = str(workspace / "exported" / name)
        brainsurg(workspace, "export-sae", name, out, "--format", "sae_lens")
        read = ("--activations", "windows", "--max-tokens", "10000000")
        figures = brainsurg(workspace, "evaluate", name, *read)
        everywhere = brainsurg(workspace, "evaluate", name, *read, "--keep-sinks")
        said[name] = figures | {"ce_zero_everywhere": everywhere["ce_zero"]}
    return said


def theirs(
    workspace: Path, options: argparse.Namespace, windows: Windows
) -> dict[str, dict[str, Any]]:
    """What each of the others says, and its versions."""
    request = workspace / "request.json"
    saes = {name: str(workspace / "exported" / name) for name in ARCHITECTURES}
    content = {"model": str(options.model.resolve()), "tokens": windows.tokens, "saes": saes}
    request.write_text(json.dumps(content | {"threads": options.threads}))
    pythons = {
        "saelens": peers_python(options.peers_python),
        "saebench": peers_python(
            options.saebench_python,
            BENCHMARKS / ".venv-saebench",
            HERE / "peers" / "requirements.txt",
        ),
    }
    said = {}
    for peer, python in pythons.items():
        answer = workspace / f"{peer}.json"
        module = f"benchmarks.evaluation.peers.{peer}"
        subprocess.run(
            [str(python), "-m", module, str(request), str(answer)],
            cwd=REPOSITORY,
            env=surroundings(options.threads),
            check=True,
            stdout=sys.stderr,
        )
        said[peer] = json.loads(answer.read_text())
    return said


@dataclass(frozen=True)
class Row:
    """One figure of one SAE, of ours and of one of the others."""

    sae: str
    figure: str
    peer: str
    ours: float
    theirs: float
    """In our units, where it should be the same."""
    note: str

    @property
    def apart(self) -> float:
        """By what share they differ."""
        return abs(self.ours - self.theirs) / max(abs(self.ours), 1e-3)


def same_rows(
    said: dict[str, Any], peers: dict[str, dict[str, Any]], sizes: dict[str, int]
) -> list[Row]:
    """The figures that should be the same."""
    return [
        Row(
            name,
            same.ours,
            peer,
            figures[same.ours],
            same.as_ours(peers[peer]["found"][name][same.theirs], sizes),
            same.note,
        )
        for name, figures in said.items()
        for same in SAME
        for peer in same.peers
    ]


def different_rows(said: dict[str, Any], peers: dict[str, dict[str, Any]]) -> list[Row]:
    """The figures that are defined otherwise."""
    return [
        Row(name, other.ours, peer, figures[other.ours], found[name][other.theirs], other.note)
        for name, figures in said.items()
        for other in DIFFERENT
        for peer, found in ((peer, answer["found"]) for peer, answer in peers.items())
        if peer in other.peers
    ]


def table(rows: list[Row], digits: int) -> str:
    """A line a figure, the others beside each other."""
    lines: dict[tuple[str, str], dict[str, Row]] = {}
    for row in rows:
        lines.setdefault((row.sae, row.figure), {})[row.peer] = row
    cells = []
    for (sae, figure), by_peer in lines.items():
        ours = next(iter(by_peer.values())).ours
        notes = dict.fromkeys(row.note for row in by_peer.values() if row.note)
        theirs = [
            f"{by_peer[peer].theirs:.{digits}f}" if peer in by_peer else "–" for peer in PEERS
        ]
        apart = f"{max(row.apart for row in by_peer.values()):.0e}"
        cells.append([sae, f"`{figure}`", f"{ours:.{digits}f}", *theirs, apart, "; ".join(notes)])
    return markdown(["SAE", "figure", "ours", *PEERS.values(), "differ by", ""], cells)


def page(
    options: argparse.Namespace,
    said: dict[str, Any],
    peers: dict[str, dict[str, Any]],
    sizes: dict[str, int],
) -> str:
    """All of it as Markdown."""
    versions = {**peers["saelens"]["versions"], **peers["saebench"]["versions"]}
    of_formula = max(
        abs(found["explained_variance"] - found["explained_variance_by_its_formula"])
        for found in peers["saebench"]["found"].values()
    )
    return "\n".join(
        [
            f"# Evaluation beside SAELens and SAEBench: {options.model.name}, {options.site}",
            "",
            "    python -m benchmarks.evaluation --model MODEL --text STORIES",
            "",
            f"{options.windows} windows of {options.context} tokens, which begin with BOS; SAEs of"
            f" {options.width} features. {', '.join(f'{k} {v}' for k, v in versions.items())};"
            f" {report.machine(options.threads)}.",
            "",
            "## What is the same",
            "",
            "Theirs in our units, where they have others. –: not reported, or defined otherwise.",
            "",
            table(same_rows(said, peers, sizes), 6),
            "",
            "## What is defined otherwise",
            "",
            table(different_rows(said, peers), 4),
            "",
            "SAEBench's `core` has 1 − E‖x − x̂‖² / (E‖x‖² − m²) for the explained variance, with"
            " m the mean of x² over tokens and dimensions (`mean_act_per_dimension` in"
            f" `evals/core/main.py`): that formula gives its figure to {of_formula:.0e}. With ‖E x‖"
            " for m what is divided by is the variance; so it stands in the first table.",
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="folder of a causal LM")
    parser.add_argument("--text", type=Path, required=True, help="a JSON list of documents")
    parser.add_argument("--site", default="resid_post.3")
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--tokens", type=int, default=200_000, help="to train on")
    parser.add_argument("--context", type=int, default=128)
    parser.add_argument("--windows", type=int, default=160, help="in sixteens")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--peers-python", type=Path, help="a Python that has SAELens")
    parser.add_argument("--saebench-python", type=Path, help="a Python that has SAEBench")
    parser.add_argument("--out", type=Path, default=report.RESULTS, help="folder for the results")
    options = parser.parse_args()
    windows = windows_of(options.model, options.text, options.context, options.windows)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        workspace = Path(folder)
        try:
            said = ours(workspace, options, windows)
        finally:
            stop_engine(workspace)
        peers = theirs(workspace, options, windows)
    d_in = json.loads((options.model / "config.json").read_text())["hidden_size"]
    sizes = {"d_in": d_in, "tokens": BATCH * (options.context - 1)}
    text = page(options, said, peers, sizes)
    report.write(options.out, "evaluation", text, {"ours": said, "theirs": peers})
    print(text)
    wrong = [
        f"{row.sae} {row.figure} of {row.peer}"
        for row in same_rows(said, peers, sizes)
        if not row.apart <= ROUND_OFF
    ]
    if wrong:
        sys.exit(f"More than round-off: {'; '.join(wrong)}")


if __name__ == "__main__":
    main()
