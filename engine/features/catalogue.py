"""The feature catalogue: what a scan found, as a folder of arrays (no torch here).

    catalogue.json                 the manifest
    columns/NAME.npy               [features], one array a column
    examples/document.npy          [features, top_k] int32, -1 where there are fewer examples
    examples/position.npy          [features, top_k] int32
    examples/value.npy             [features, top_k] float32, descending
    examples/window.npy            [features, top_k, 2 · radius + 1] float32
    tokens/promoted.npy            [features, n] int32 token ids, strongest first
    tokens/suppressed.npy          [features, n] int32
    tokens/vocabulary.json         the text of every token id

`tokens` is missing when the scan was given no model. Arrays are memory-mapped: a catalogue of a
million features opens as quickly as one of ten.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import UserError
from engine.features.arrays import load_array

FORMAT_VERSION = 1
_MANIFEST = "catalogue.json"
_AGAIN = "Scan the SAE again."


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What was scanned, and how much of it."""

    format_version: int = FORMAT_VERSION
    activations: str
    """Name of the activation set: the corpus over which every figure is taken."""
    model: str
    site: str
    features: int
    alive: int
    """Features that were active at least once."""
    tokens: int
    """Tokens that were looked at."""
    documents: int
    """Documents that were looked at."""
    active_threshold: float
    """A feature is active where its activation is above this."""
    top_k: int
    """Examples kept for each feature, from distinct documents."""
    radius: int
    """Tokens on either side of an example whose activations are kept."""
    categories: list[str]
    """Names behind the column `category`; empty where documents carry no categories."""


class Example(NamedTuple):
    """Where a feature is active: the largest activation within one document."""

    document: int
    position: int
    value: float


class Catalogue:
    """A scanned SAE's features.

    `columns` maps a name to a memory-mapped array [features]:
    `max`, `mean` (over active tokens), `density` (share of tokens on which it is active),
    `documents` (distinct ones in which it is active), and, where documents carry categories,
    `selectivity` and `category` (an index into `manifest.categories`, -1 for a silent feature).
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self.columns = {
            path.stem: load_array(path) for path in sorted((folder / "columns").glob("*.npy"))
        }

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Raises UserError if there is no catalogue in `folder`, or one that isn't whole."""
        path = folder / _MANIFEST
        if not path.exists():
            raise UserError(f"There is no feature catalogue in {folder}.", "Scan the SAE first.")
        try:
            manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
        except msgspec.DecodeError as error:
            raise UserError(f"{path} can't be read: {error}.", _AGAIN) from error
        if manifest.format_version != FORMAT_VERSION:
            raise UserError(
                f"{folder} has catalogue format {manifest.format_version}, "
                f"and this program reads {FORMAT_VERSION}.",
                _AGAIN,
            )
        return cls(folder, manifest)

    def __len__(self) -> int:
        return self.manifest.features

    def maxima(self, features: Sequence[int]) -> list[float]:
        """The largest activation of each of these features over the scanned corpus."""
        maxima: list[float] = self.columns["max"][list(features)].tolist()
        return maxima

    def examples(self, feature: int) -> list[Example]:
        """The feature's strongest examples, one a document, strongest first."""
        documents, positions, values = self._examples
        kept = int((documents[feature] >= 0).sum())
        return [
            Example(
                int(documents[feature, i]), int(positions[feature, i]), float(values[feature, i])
            )
            for i in range(kept)
        ]

    def window(self, feature: int, example: int) -> NDArray[np.float32]:
        """The feature's activations around its example number `example`: [2 · radius + 1].

        The example itself is in the middle; outside its document there is 0.
        """
        window: NDArray[np.float32] = self._windows[feature, example]
        return window

    def promoted(self, feature: int) -> list[str]:
        """Tokens whose logits the feature's direction raises most; empty without a model."""
        return self._tokens("promoted", feature)

    def suppressed(self, feature: int) -> list[str]:
        """Tokens whose logits the feature's direction lowers most; empty without a model."""
        return self._tokens("suppressed", feature)

    @cached_property
    def _examples(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        folder = self.folder / "examples"
        return (
            load_array(folder / "document.npy"),
            load_array(folder / "position.npy"),
            load_array(folder / "value.npy"),
        )

    @cached_property
    def _windows(self) -> NDArray[np.float32]:
        return load_array(self.folder / "examples" / "window.npy")

    @cached_property
    def _vocabulary(self) -> list[str]:
        path = self.folder / "tokens" / "vocabulary.json"
        return msgspec.json.decode(path.read_bytes(), type=list[str])

    def _tokens(self, name: str, feature: int) -> list[str]:
        path = self.folder / "tokens" / f"{name}.npy"
        if not path.exists():
            return []
        return [self._vocabulary[i] for i in load_array(path)[feature]]


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `manifest` into a catalogue folder that is being made."""
    (folder / _MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
