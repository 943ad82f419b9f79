"""Inputs by number: what is read, what is done to it, and what came of it."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from benchmarks.mutated_files.material import KINDS
from benchmarks.mutated_files.mutations import mutate
from engine.errors import UserError


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


def campaign(count: int, seed: int, *, first: int = 0) -> Iterator[Outcome]:
    """Mutated inputs `first` to `first + count`, the same for the same seed."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for kind, each in KINDS.items():
            folder = root / "good" / _folder_name(kind)
            folder.mkdir(parents=True)
            each.write(folder)
        for number in range(first, first + count):
            kind = list(KINDS)[number % len(KINDS)]
            folder = root / "one"
            shutil.copytree(root / "good" / _folder_name(kind), folder)
            yield _outcome(number, kind, folder, Random(f"{seed}/{number}"))
            shutil.rmtree(folder)


def _outcome(number: int, kind: str, folder: Path, random: Random) -> Outcome:
    path = random.choice(sorted(path for path in folder.rglob("*") if path.is_file()))
    mutation = mutate(path, random)
    refused = fault = ""
    start = time.monotonic()
    try:
        KINDS[kind].read(folder)
    except UserError as error:
        refused = str(error)
    except BaseException as error:  # MemoryError, RecursionError and pyo3's panics, too
        if isinstance(error, KeyboardInterrupt):
            raise
        fault = repr(error)
    seconds = time.monotonic() - start
    return Outcome(number, kind, path.name, mutation, seconds, refused, fault)


def _folder_name(kind: str) -> str:
    return kind.replace("/", "-")
