"""What several choose together is what one would choose."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.sae.kernels import reference
from engine.sae.kernels.sharded import largest, select_top_k
from engine.sae.kernels.support import Support
from engine.sae.parallel import ProcessGroup

ALONE = ProcessGroup()


class InThreads(ProcessGroup):
    """One of several threads, which see each other's tensors."""

    def __init__(self, rank: int, sent: list[Any], barrier: threading.Barrier) -> None:
        super().__init__()
        self.rank, self.size = rank, len(sent)
        self._sent, self._barrier = sent, barrier

    def all_gather(self, tensor: Tensor) -> list[Tensor]:
        self._sent[self.rank] = tensor
        self._barrier.wait()
        everybody = list(self._sent)
        self._barrier.wait()
        return everybody

    all_gather_ragged = all_gather


def by_all(work: Callable[[ProcessGroup], Any], size: int) -> list[Any]:
    """What `work` gives each of so many threads."""
    sent: list[Any] = [None] * size
    barrier = threading.Barrier(size)
    with ThreadPoolExecutor(size) as threads:
        return list(threads.map(lambda rank: work(InThreads(rank, sent, barrier)), range(size)))


def acts_of(support: Support, pre: Tensor) -> Tensor:
    """Pre-activations [n, F] where they were chosen, else 0."""
    acts = torch.zeros_like(pre)
    rows = torch.arange(len(pre)).repeat_interleave(support.offsets.diff())
    acts[rows, support.features.long()] = pre[rows, support.features.long()]
    return acts


def table(n: int, features: int, seed: int) -> Tensor:
    """[n, features] small whole numbers, so that many are equal."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-2, 5, (n, features), generator=generator).float()


@settings(deadline=None, max_examples=50)  # threads are slow to wake on a busy machine
@given(st.integers(1, 3), st.integers(1, 7), st.integers(0, 40), st.integers(0, 99))
def test_of_all_rows_the_largest_are_kept(size: int, n: int, count: int, seed: int) -> None:
    pre = table(size * n, 6, seed)
    least = torch.full((6,), 0.5)
    expected, border = largest(*reference.select_above(pre, least), count + 1, ALONE)

    def work(group: ProcessGroup) -> tuple[Tensor, float]:
        own = pre.chunk(size)[group.rank]
        support, found = largest(*reference.select_above(own, least), count + 1, group)
        return acts_of(support, own), found

    parts = by_all(work, size)
    assert torch.equal(torch.cat([acts for acts, _ in parts]), acts_of(expected, pre))
    assert {found for _, found in parts} == {border}


@settings(deadline=None, max_examples=50)  # threads are slow to wake on a busy machine
@given(st.integers(1, 3), st.integers(1, 5), st.integers(1, 9), st.integers(0, 99))
def test_of_all_features_the_k_largest_are_kept(size: int, n: int, k: int, seed: int) -> None:
    pre = table(n, 4 * size, seed)

    def work(group: ProcessGroup) -> Tensor:
        own = pre.chunk(size, dim=1)[group.rank].contiguous()
        return acts_of(select_top_k(own.split(2), k, group), own)

    acts = torch.cat(by_all(work, size), dim=1)
    k = min(k, pre.shape[1])
    expected = pre.topk(k, dim=1).values.relu()
    assert torch.equal(acts.topk(k, dim=1).values, expected)
    assert ((acts > 0).sum(1) == (expected > 0).sum(1)).all()
