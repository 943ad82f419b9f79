"""Load what the other libraries save, and have them load what we save: every kind they share.

    python -m benchmarks.formats [--peers-python PYTHON] [--openai MODEL_PY] [--old-lens FOLDER]

For every architecture that a library has in common with us: an autoencoder with random weights that
the library made and saved is loaded here, and one that we made and saved is loaded there. Both
encode and decode the same vectors. Told is by how much the two differ at most, in acts and in what
is decoded, as a share of the largest of these numbers. The libraries' own classes make, save, load
and run theirs (`peers`); what was published without a library is written as it was published, and
loaded by SAELens or circuit-tracer (`published`). Older SAELens, each in a folder called after its
version, save and run theirs (`old_lens`). Ends with status 1 if anything differs by more than
round-off.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.formats.ours import CASES, Case
from benchmarks.formats.sizes import D_IN, VECTORS
from benchmarks.training import report
from benchmarks.training.environment import REPOSITORY, peers_python, surroundings
from benchmarks.training.table import markdown

ROUND_OFF = 2e-6
"""A few roundings of fp32, each 6e-8, in sums of some dozens of numbers."""


@dataclass(frozen=True)
class Difference:
    """By how much the two sides differ at most, as a share of the largest number."""

    acts: float
    decoded: float

    @classmethod
    def of(cls, ours: tuple[Tensor, Tensor], theirs: tuple[Tensor, Tensor]) -> "Difference":
        return cls(*(_share(a, b) for a, b in zip(ours, theirs, strict=True)))

    @property
    def is_round_off(self) -> bool:
        return max(self.acts, self.decoded) <= ROUND_OFF  # not so if either is no number


@dataclass(frozen=True)
class Outcome:
    """Of one case, each way; None: not that way."""

    case: str
    theirs_here: Difference
    ours_there: Difference | None

    @property
    def holds(self) -> bool:
        return self.theirs_here.is_round_off and (
            self.ours_there is None or self.ours_there.is_round_off
        )


def compare(
    folder: Path, python: Path, openai: Path | None, old_lens: Path | None
) -> list[Outcome]:
    """Run both sides in `folder`."""
    x = torch.randn(VECTORS, D_IN, generator=torch.Generator().manual_seed(0))
    torch.save(x, folder / "x.pt")
    cases = {name: case for name, case in CASES.items() if openai or case.format != "openai"}
    seen = {name: case.save(folder / "ours" / name, x) for name, case in cases.items()}
    command = [str(python), "-m", "benchmarks.formats.peers", str(folder)]
    if openai is not None:
        command.append(str(openai.resolve()))
    subprocess.run(command, cwd=REPOSITORY, env=surroundings(1), check=True, stdout=sys.stderr)
    for version in sorted(old_lens.iterdir()) if old_lens is not None else ():
        command = [str(python), "-m", "benchmarks.formats.old_lens", str(folder), version.name]
        env = surroundings(1) | {"PYTHONPATH": str(version.resolve())}
        subprocess.run(command, cwd=REPOSITORY, env=env, check=True, stdout=sys.stderr)
        name = f"sae_lens {version.name}"
        for made in sorted((folder / "theirs" / name).glob("*.pt")):
            cases[f"{name}/{made.stem}"] = Case("sae_lens")
    made_there = {name for name in cases if (folder / "theirs" / f"{name}.pt").exists()}
    for name in cases.keys() - made_there:
        print(f"{name} is left out: its library isn't there.", file=sys.stderr)
    return [
        _outcome(folder, name, case, seen.get(name), x)
        for name, case in cases.items()
        if name in made_there
    ]


def _outcome(
    folder: Path, name: str, case: Case, seen: tuple[Tensor, Tensor] | None, x: Tensor
) -> Outcome:
    here = case.load(folder / "theirs" / name, x)
    return Outcome(
        name,
        theirs_here=Difference.of(here, torch.load(folder / "theirs" / f"{name}.pt")),
        ours_there=seen and Difference.of(seen, torch.load(folder / "ours" / f"{name}.pt")),
    )


def _share(ours: Tensor, theirs: Tensor) -> float:
    assert ours.shape == theirs.shape
    assert (theirs != 0).any()
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()


def page(outcomes: list[Outcome], versions: dict[str, str]) -> str:
    """The results as Markdown."""

    def cells(difference: Difference | None) -> list[str]:
        if difference is None:
            return ["–", "–"]
        return [f"{difference.acts:.1e}", f"{difference.decoded:.1e}"]

    header = ["library", "architecture"]
    header += ["theirs here: acts", "decoded", "ours there: acts", "decoded"]
    rows = []
    for outcome in outcomes:
        library, _, architecture = outcome.case.partition("/")
        differences = cells(outcome.theirs_here) + cells(outcome.ours_there)
        rows.append([library, architecture, *differences])
    told = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (
        "# Files of other libraries, both ways\n\n"
        "    python -m benchmarks.formats --openai MODEL_PY --old-lens FOLDER\n\n"
        f"{told}; {report.machine(1)}.\n\n"
        "Largest difference as a share of the largest number, over acts and over what they are"
        " decoded to. –: a kind that only they write. What was published without a library (Gemma"
        " Scope, Qwen-Scope, Goodfire, qresearch, Llama Scope 1 and 2) is written as it was"
        " published, and loaded by SAELens or circuit-tracer; Llamascopium's acts are multiplied by"
        " the lengths of what features write, as Language-Model-SAEs did at inference.\n\n"
        f"{markdown(header, rows)}\n"
    )


def main() -> None:
    p = argparse.ArgumentParser(description="Exchange autoencoders with the other libraries.")
    p.add_argument("--peers-python", type=Path, help="a Python that has the other libraries")
    p.add_argument(
        "--openai",
        type=Path,
        metavar="MODEL_PY",
        help="sparse_autoencoder/model.py of github.com/openai/sparse_autoencoder,"
        " which no package index has",
    )
    p.add_argument("--out", type=Path, default=report.RESULTS, help="folder for the results")
    p.add_argument(
        "--old-lens",
        type=Path,
        metavar="FOLDER",
        help="older SAELens, each in a folder called after its version, as"
        " `pip install --no-deps --target FOLDER/3.23.1 sae-lens==3.23.1` makes them",
    )
    asked = p.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        outcomes = compare(
            Path(folder), peers_python(asked.peers_python), asked.openai, asked.old_lens
        )
        versions = json.loads((Path(folder) / "versions.json").read_text())
    text = page(outcomes, versions)
    report.write(asked.out, "formats", text, {"outcomes": [asdict(each) for each in outcomes]})
    print(text)
    if asked.openai is None:
        print("OpenAI's is left out: name its model.py with --openai.")
    wrong = [outcome.case for outcome in outcomes if not outcome.holds]
    if wrong:
        sys.exit(f"More than round-off: {'; '.join(wrong)}")


if __name__ == "__main__":
    main()
