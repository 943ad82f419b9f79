"""Activation sets to train on, and a progress that remembers."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.manifest import Manifest
from engine.activations.store.writer import ActivationWriter

torch.set_num_threads(1)

MakeSet = Callable[..., ActivationSet]


@pytest.fixture
def make_set(tmp_path: Path) -> MakeSet:
    """Writes activations [tokens, d] as documents of `length` tokens, and opens the set."""

    def make(
        acts: Tensor, length: int = 40, name: str = "set", site: str = "resid_post.1"
    ) -> ActivationSet:
        about = Manifest(model="m", site=site, d_model=acts.shape[1], dtype="float32")
        with ActivationWriter(tmp_path / name, about, ["a"]) as writer:
            for document in acts.split(length):
                writer.add(document, torch.zeros(len(document), dtype=torch.int64), text="a")
        return ActivationSet.open(tmp_path / name)

    return make


@pytest.fixture(scope="session")
def sparse_data() -> Tensor:
    """[4000, 12] sums of 2 of 24 directions, off centre: what an SAE can take apart."""
    generator = torch.Generator().manual_seed(0)
    directions = functional.normalize(torch.randn(24, 12, generator=generator), dim=1)
    which = torch.rand(4000, 24, generator=generator).topk(2, dim=1).indices
    weights = 1 + torch.rand(4000, 2, generator=generator)
    sums = functional.embedding_bag(which, directions, per_sample_weights=weights, mode="sum")
    return 3 * sums + torch.linspace(-2, 2, 12)


class Remembering:
    """A progress that keeps what it is told, and can be made to raise."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int, int | None, dict[str, float]]] = []
        self.notes: list[str] = []
        self.raises: dict[int, Exception] = {}
        self.interrupted = False

    @property
    def trained(self) -> list[tuple[str, int, int | None, dict[str, float]]]:
        """What was told of training steps."""
        return [step for step in self.steps if step[0] == "train"]

    def __call__(
        self,
        phase: str,
        done: int,
        total: int | None = None,
        unit: str = "",
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        self.steps.append((phase, done, total, dict(metrics or {})))
        if done in self.raises:
            raise self.raises[done]

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def progress() -> Remembering:
    return Remembering()
