"""What tests of kernels share: the sets of kernels there are, and sparse matrices to try them on.

`cuda` is among the sets where there is a GPU, and where Triton interprets (see test_cuda_kernels).
"""

import importlib
import itertools
import os
from collections.abc import Iterator
from types import ModuleType
from typing import NamedTuple

import pytest
import torch
from hypothesis import settings
from hypothesis import strategies as st
from torch import Tensor

from engine.sae.kernels.support import Support, offsets_of

GPU = torch.cuda.is_available()
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
FAST = ["cpu", "cuda"] if GPU or INTERPRETED else ["cpu"]
ALL = ["reference", *FAST]

every = pytest.mark.parametrize("name", ALL)
law = settings(deadline=None, max_examples=12 if INTERPRETED else 60)


def module(name: str) -> ModuleType:
    return importlib.import_module(f"engine.sae.kernels.{name}")


def there(name: str, *tensors: Tensor) -> list[Tensor]:
    """The tensors where the kernels work."""
    return [tensor.to("cuda" if GPU and name == "cuda" else "cpu") for tensor in tensors]


def rows_of(support: Support) -> Iterator[list[int]]:
    """Each vector's features."""
    ends = support.offsets.tolist()
    features = support.features.tolist()
    assert ends[0] == 0
    assert ends[-1] == len(features)
    for first, last in itertools.pairwise(ends):
        yield features[first:last]


class Entries(NamedTuple):
    """A sparse matrix [n, F], and what it is multiplied with."""

    support: Support
    values: Tensor
    """[nnz]"""
    vectors: Tensor
    """[n, d]"""
    rows: Tensor
    """[F, d]"""

    def dense(self, values: Tensor | None = None) -> Tensor:
        """[n, F] in fp64."""
        matrix = torch.zeros(len(self.vectors), len(self.rows), dtype=torch.float64)
        matrix[self.places()] = (self.values if values is None else values).double().cpu()
        return matrix

    def places(self) -> tuple[Tensor, Tensor]:
        """Which vector and which feature every entry belongs to."""
        counts = self.support.offsets.diff()
        return torch.arange(len(counts)).repeat_interleave(counts), self.support.features.long()


def random_entries(n: int, width: int, d: int, *, share: float, seed: int) -> Entries:
    """With so large a share of all features active, in any order within a vector."""
    generator = torch.Generator().manual_seed(seed)
    some = [
        order[torch.rand(width, generator=generator) < share]
        for order in (torch.randperm(width, generator=generator) for _ in range(n))
    ]
    counts = torch.tensor([len(features) for features in some])
    support = Support(offsets_of(counts), torch.cat(some).int())
    shapes = [(int(counts.sum()),), (n, d), (width, d)]
    return Entries(support, *(torch.randn(shape, generator=generator) for shape in shapes))


entries = st.builds(
    random_entries,
    st.integers(1, 6),
    st.integers(1, 40),
    st.sampled_from([1, 2, 7, 64, 700]),
    share=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    seed=st.integers(0, 1000),
)


def check_sum(got: Tensor, exact: Tensor, magnitude: Tensor, terms: int) -> None:
    """That a sum of so many terms is as exact as its dtype lets it be.

    `magnitude`: the sum of the terms' absolute values.
    """
    bound = (terms + 4) * torch.finfo(got.dtype).eps * magnitude
    assert got.shape == exact.shape
    assert ((got.double().cpu() - exact).abs() <= bound + 1e-30).all()
