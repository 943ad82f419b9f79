"""Everything that the one pass of a scan collects, and the columns it becomes."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.features.block import Block
from engine.features.distinct import DistinctDocuments
from engine.features.moments import Moments
from engine.features.selectivity import Selectivity
from engine.features.top_examples import TopExamples


class Figures:
    """The accumulators, each with one subject, fed together block by block."""

    def __init__(self, features: int, top_k: int, category_of: Tensor, categories: int) -> None:
        """`category_of` [documents] as in `categories_of`, on the device to work on."""
        device = category_of.device
        self.moments = Moments(features, device)
        self.distinct = DistinctDocuments(features, device)
        self.examples = TopExamples(features, top_k, device)
        self.selectivity = Selectivity(features, category_of, categories) if categories else None

    def add(self, block: Block) -> None:
        """Take in the rows of a block; blocks come in the order of their documents."""
        self.moments.add(block)
        self.distinct.add(block)
        self.examples.add(block)
        if self.selectivity is not None:
            self.selectivity.add(block)

    def write(self, folder: Path) -> None:
        """Write `columns` and the places and values of `examples` into a catalogue folder."""
        columns = folder / "columns"
        columns.mkdir()
        _save(columns / "max.npy", self.moments.max, torch.float32)
        _save(columns / "mean.npy", self.moments.mean, torch.float32)
        _save(columns / "density.npy", self.moments.density, torch.float32)
        _save(columns / "documents.npy", self.distinct.count, torch.int32)
        if self.selectivity is not None:
            selectivity, category = self.selectivity.result()
            _save(columns / "selectivity.npy", selectivity, torch.float32)
            _save(columns / "category.npy", category, torch.int32)
        examples = folder / "examples"
        examples.mkdir()
        self.examples.settle()
        _save(examples / "document.npy", self.examples.documents, torch.int32)
        _save(examples / "position.npy", self.examples.positions, torch.int32)
        _save(examples / "value.npy", self.examples.values, torch.float32)


def _save(path: Path, array: Tensor, dtype: torch.dtype) -> None:
    values = array.to(dtype).cpu().numpy()
    np.save(path, values.astype(values.dtype.newbyteorder("<"), copy=False))
