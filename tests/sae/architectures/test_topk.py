"""TopK, against numpy and against what its docstring promises."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from engine.sae.architectures.base import StepInput
from engine.sae.architectures.geometric_median import geometric_median
from engine.sae.architectures.topk import TopK
from engine.sae.config import SAEConfig, TrainConfig


def random_topk(d_in: int, d_sae: int, k: int, seed: int = 0) -> TopK:
    torch.manual_seed(seed)
    sae = TopK(SAEConfig(architecture="topk", d_in=d_in, d_sae=d_sae, k=k))
    with torch.no_grad():
        for weight in sae.parameters():
            weight.copy_(torch.randn_like(weight))
    return sae


def numpy_acts(sae: TopK, x: NDArray[np.float32]) -> NDArray[np.float64]:
    """[n, d_in] to [n, d_sae], feature by feature as the docstring says it."""
    encoder, bias, centre = (w.detach().double().numpy() for w in (sae.W_enc, sae.b_enc, sae.b_dec))
    acts = np.zeros((len(x), len(encoder)))
    for row, vector in enumerate(x.astype(np.float64)):
        pre = encoder @ (vector - centre) + bias
        for feature in np.argsort(-pre)[: sae.k]:
            acts[row, feature] = max(pre[feature], 0.0)
    return acts


@given(st.integers(1, 9), st.integers(1, 70), st.data())
@settings(deadline=None, max_examples=60)
def test_encode_and_decode_are_the_formula(d_in: int, d_sae: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, d_sae))
    leading = data.draw(st.sampled_from([(), (3,), (2, 5), (0,)]))
    sae = random_topk(d_in, d_sae, k, seed=d_in * d_sae)
    x = torch.randn(*leading, d_in)
    acts, decoded = sae.encode(x).detach(), sae(x).detach()
    assert acts.shape == (*leading, d_sae)
    assert decoded.shape == (*leading, d_in)
    expected = numpy_acts(sae, x.reshape(-1, d_in).numpy())
    np.testing.assert_allclose(acts.reshape(-1, d_sae), expected, rtol=1e-4, atol=1e-5)
    back = expected @ sae.W_dec.detach().double().numpy() + sae.b_dec.detach().double().numpy()
    np.testing.assert_allclose(decoded.reshape(-1, d_in), back, rtol=1e-4, atol=1e-4)


def test_bfloat16_activations_are_coded_in_float32() -> None:
    sae = random_topk(6, 20, 3)
    x = torch.randn(5, 6).bfloat16()
    assert sae.encode(x).dtype == torch.float32
    assert torch.equal(sae.encode(x), sae.encode(x.float()))


def test_the_geometric_median_has_the_least_distance_to_all() -> None:
    x = torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
    x[:60] += 100  # which pulls the mean, and hardly the median
    median = geometric_median(x)

    def distance(point: Tensor) -> float:
        return (x - point).norm(dim=1).sum().item()

    assert distance(median) < distance(x.mean(0)) - 100
    for axis in torch.eye(3):
        assert distance(median) <= min(
            distance(median + 0.05 * axis), distance(median - 0.05 * axis)
        )


def test_the_auxiliary_loss_moves_the_dead_and_only_them() -> None:
    torch.manual_seed(0)
    sae = TopK(SAEConfig(architecture="topk", d_in=6, d_sae=20, k=3))
    dead = torch.tensor([4, 17])
    with torch.no_grad():
        sae.b_enc[dead] = -5  # above 0 now and then, never among the best three
    x = 3 * torch.randn(64, 6, generator=torch.Generator().manual_seed(0))
    grads = {}
    for aux in (0.0, 1.0):
        for parameter in sae.parameters():
            parameter.grad = torch.zeros_like(parameter)
        config = TrainConfig(tokens=1, batch=1, lr=1e-3, aux=aux)
        step = sae.training_step(StepInput(x, x, 6.0, dead), config)
        assert step.fire_counts[dead].sum() == 0
        grads[aux] = sae.W_dec.grad.clone()
    changed = (grads[0.0] != grads[1.0]).any(1)
    assert set(changed.nonzero().flatten().tolist()) == set(dead.tolist())
