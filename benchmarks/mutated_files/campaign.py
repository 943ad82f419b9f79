"""Inputs by number: what is read, what is done to it, and what came of it."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from benchmarks.mutated_files.material import IMPORTED, Kind
from benchmarks.mutated_files.mutations import mutate
from benchmarks.mutated_files.workspace_material import WORKSPACE
from engine.errors import UserError

KINDS = IMPORTED | WORKSPACE


@dataclass(frozen=True)
class Outcome:
    """What one input led to."""

    number: int
    kind: str
    file: str
    mutation: str
    seconds: float
    refused: str = ""
    """What the user is told; empty where it was read."""
    fault: str = ""
    """An exception that is no UserError."""


def campaign(
    count: int, seed: int, *, first: int = 0, kinds: Mapping[str, Kind] = KINDS
) -> Iterator[Outcome]:
    """Mutated inputs `first` to `first + count` of these kinds in turn, the same for the same
    seed."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        good: dict[Callable[[Path], object], Path] = {}
        for each in kinds.values():
            if each.write not in good:
                good[each.write] = root / f"good-{len(good)}"
                good[each.write].mkdir()
                each.write(good[each.write])
        for number in range(first, first + count):
            kind = list(kinds)[number % len(kinds)]
            folder = root / "one"
            shutil.copytree(good[kinds[kind].write], folder)
            yield _outcome(number, kind, kinds[kind], folder, Random(f"{seed}/{number}"))
            shutil.rmtree(folder)


def _outcome(number: int, name: str, kind: Kind, folder: Path, random: Random) -> Outcome:
    mutated = folder / kind.mutated
    path = random.choice(sorted(path for path in mutated.rglob("*") if path.is_file()))
    mutation = mutate(path, random)
    refused = fault = ""
    start = time.monotonic()
    try:
        kind.read(folder)
    except UserError as error:
        refused = str(error)
    except BaseException as error:  # MemoryError, RecursionError and pyo3's panics, too
        if isinstance(error, KeyboardInterrupt):
            raise
        fault = repr(error)
    seconds = time.monotonic() - start
    return Outcome(number, name, path.name, mutation, seconds, refused, fault)
