"""An SAE trained on activations with sinks among them is the one that is trained without them."""

import pytest
import torch
from torch import Tensor

from engine.activations.store.activation_set import ActivationSet
from engine.sae.config import SAEConfig, TrainConfig
from engine.sae.evaluation.reconstruction import evaluate
from engine.sae.evaluation.vectors import StoredVectors
from engine.sae.training.loop import train
from tests.sae.conftest import MakeSet

LENGTH = 40


def with_sinks(acts: Tensor) -> Tensor:
    """Three more rows in every document: massive ones first and inside, and one that is NaN."""
    generator = torch.Generator().manual_seed(7)
    documents = []
    for document in acts.split(LENGTH):
        sinks = torch.randn(2, acts.shape[1], generator=generator) * 5000
        broken = torch.full((1, acts.shape[1]), torch.nan)
        documents += [sinks[:1], document[:11], sinks[1:], document[11:], broken]
    return torch.cat(documents)


@pytest.fixture
def sets(make_set: MakeSet, sparse_data: Tensor) -> tuple[ActivationSet, ActivationSet]:
    """The same text without and with sinks."""
    plain = make_set(sparse_data, LENGTH, "plain")
    return plain, make_set(with_sinks(sparse_data), LENGTH + 3, "sunk")


def settings(architecture: str) -> tuple[SAEConfig, TrainConfig]:
    k = 2 if architecture in {"topk", "batchtopk"} else None
    sae = SAEConfig(architecture=architecture, d_in=12, d_sae=24, k=k)
    extra = {"target_l0": 2.0} if architecture == "jumprelu" else {}
    return sae, TrainConfig(tokens=3200, batch=64, lr=1e-3, held_out=0.1, **extra)


@pytest.mark.parametrize("architecture", ["topk", "batchtopk", "jumprelu", "relu"])
def test_the_same_weights_and_figures_come_out(
    sets: tuple[ActivationSet, ActivationSet], architecture: str
) -> None:
    trained = [train(*settings(architecture), acts) for acts in sets]
    states = [one.sae.state_dict() for one in trained]
    assert all(torch.equal(states[1][name], states[0][name]) for name in states[0])
    assert trained[0].metrics == trained[1].metrics
    figures = [
        evaluate(one.sae, StoredVectors(acts, one.held_rows)).metrics
        for one, acts in zip(trained, sets, strict=True)
    ]
    assert figures[0] == figures[1]
    assert len(trained[0].held_rows) > 0


def test_sinks_rule_a_training_that_keeps_them(
    sets: tuple[ActivationSet, ActivationSet],
) -> None:
    plain, sunk = sets
    without, kept = train(*settings("topk"), plain), train(*settings("topk"), sunk, choice="finite")
    assert len(kept.held_rows) == len(without.held_rows) * (LENGTH + 2) // LENGTH
    assert all(value.isfinite().all() for value in kept.sae.state_dict().values())
    text, other = (
        evaluate(one.sae, StoredVectors(plain, without.held_rows)).metrics.fvu
        for one in (without, kept)
    )
    assert other > 10 * text
