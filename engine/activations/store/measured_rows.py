"""Measuring what the rows of an activation set are. Torch-free.

What a kind is, and when a row is of it, is said in `engine.activations.store.row_kinds`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from engine.activations.store.manifest import Manifest, Shard
from engine.activations.store.row_kinds import Kinds, Norms, are_taken, kinds_of, measure_rule
from engine.activations.store.row_summary import SINK_MULTIPLE, RowChoice, RowCounts, RowSummary


class MeasuredRows(NamedTuple):
    """What the rows of a set are."""

    summary: RowSummary
    kinds: Kinds
    """[rows] uint8"""

    def taken(self, choice: RowChoice = "text") -> NDArray[np.bool_]:
        """Which rows [rows] are taken."""
        return are_taken(self.kinds, choice)


class Columns(NamedTuple):
    """Of some consecutive rows, what their kinds follow from."""

    norms: Norms
    """[rows], NaN for what isn't finite"""
    token_ids: NDArray[np.integer[Any]]
    """[rows]"""


def measure_rows(
    columns: Callable[[], Iterable[Columns]],
    manifest: Manifest,
    multiple: float = SINK_MULTIPLE,
) -> MeasuredRows:
    """The kinds of a set's rows, whose `columns` are given in parts, as often as asked for.

    Memory: a byte a row, a part, and 1 MB.
    """
    start_ids, special_ids = manifest.start_token_ids, manifest.special_token_ids

    def norms_of_text() -> Iterator[Norms]:
        others = [*start_ids, *special_ids]
        for part in columns():
            yield part.norms[np.isin(part.token_ids, others, invert=True)]

    rule = measure_rule(norms_of_text, multiple)
    parts = [
        kinds_of(
            part.norms, part.token_ids, start_ids=start_ids, special_ids=special_ids, rule=rule
        )
        for part in columns()
    ]
    kinds = np.concatenate([np.zeros(0, np.uint8), *parts])
    return MeasuredRows(RowSummary(rule=rule, counts=RowCounts.of_kinds(kinds)), kinds)


def shard_columns(folder: Path, shards: Sequence[Shard]) -> Iterator[Columns]:
    """The columns of shards that hold norms, one after the other."""
    for shard in shards:
        with safe_open(folder / shard.file, framework="np") as file:
            yield Columns(file.get_tensor("norms"), file.get_tensor("token_ids"))
