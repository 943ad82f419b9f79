"""Candidates found by 8-bit integers: the kept ones are those of the fp32 pre-activations."""

import pytest
import torch
from torch import Tensor

from engine.sae.architectures.base import StepInput
from engine.sae.architectures.linear import LinearSAE
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig
from engine.sae.kernels import preactivations as products
from engine.sae.kernels.cpu.estimates import from_integers, to_integers
from engine.sae.kernels.rerank import keep_largest, keep_top_k
from engine.sae.kernels.support import Support, offsets_of, vectors_of

CPU = torch.device("cpu")
needs_integers = pytest.mark.skipif(
    not products.integers_serve(CPU), reason="this processor doesn't multiply 8-bit integers fast"
)


def vectors(n: int, outlier: float = 1.0) -> Tensor:
    """[n, 96], of which one dimension is so many times as large as the others."""
    x = torch.randn(n, 96, generator=torch.Generator().manual_seed(n))
    x[:, 5] *= outlier
    return x


def trained_on(x: Tensor, architecture: str = "topk") -> LinearSAE:
    sae = build(SAEConfig(architecture=architecture, d_in=96, d_sae=512, k=8), seed=1)
    assert isinstance(sae, LinearSAE)
    sae.initialise(x, x)
    sae.choose_search(x)
    return sae


def test_integers_and_back_are_within_half_an_integer() -> None:
    x, moved = vectors(40), torch.linspace(0.5, 2, 96)
    integers, worth = to_integers(x, moved)
    assert integers.dtype == torch.int8
    assert (integers.abs().amax(1) == 127).all()
    off = (integers * worth[:, None] - x * moved).abs()
    assert (off <= worth[:, None] * 0.501).all()

    whole = torch.randint(-9000, 9000, (40, 30), dtype=torch.int32)
    columns, bias = torch.rand(30), torch.randn(30)
    exact = whole * worth[:, None] * columns + bias
    torch.testing.assert_close(from_integers(whole, worth, columns, bias), exact)


@pytest.mark.parametrize("bias", [0.0, 0.7])
@needs_integers
def test_estimates_are_near_the_product(bias: float) -> None:
    x, encoder = vectors(300, outlier=20), torch.randn(64, 96)
    offset = torch.full((64,), bias)
    found = torch.cat([block.clone() for block in products.estimates(x, encoder, offset, parts=3)])
    exact = x @ encoder.T + offset
    assert (found - exact).std() < exact.std() / 30


@needs_integers
@pytest.mark.parametrize("architecture", ["topk", "batchtopk"])
def test_what_is_kept_is_what_fp32_would_keep(architecture: str) -> None:
    x = vectors(400)
    sae = trained_on(x, architecture)
    assert sae.estimates_serve
    for _ in range(2):  # batchtopk looks above the border of the batch before
        support, found = sae.candidates(sae.centre(x), 1)
    exact = sae.centre(x) @ sae.W_enc.T
    at = vectors_of(support), support.features.long()
    torch.testing.assert_close(found, exact[at], rtol=1e-4, atol=1e-4)
    kept = torch.zeros_like(exact, dtype=torch.bool).index_put_(at, torch.tensor(True))
    best = (
        exact.topk(8).indices if architecture == "topk" else exact.flatten().topk(8 * 400).indices
    )
    expected = torch.zeros_like(exact, dtype=torch.bool)
    if architecture == "topk":
        expected.scatter_(1, best, True)
    else:
        expected.view(-1)[best] = True
    assert (kept & expected).sum() >= 0.999 * expected.sum()
    assert kept.sum() == expected.sum()


@needs_integers
def test_a_jumprelu_is_given_all_that_is_active() -> None:
    x = vectors(400)
    sae = build(SAEConfig(architecture="jumprelu", d_in=96, d_sae=512), seed=1)
    assert isinstance(sae, LinearSAE)
    sae.initialise(x, x)
    sae.choose_search(x)
    assert sae.estimates_serve
    support, found = sae.candidates(sae.centre(x), 1)
    active = (sae.encode(x) > 0).sum()
    assert (found + sae.b_enc[support.features] > sae.threshold[support.features]).sum() == active


@needs_integers
def test_activations_with_outliers_are_searched_in_floats() -> None:
    """Integers can't hold both a dimension that is far larger than all others, and these."""
    x = vectors(400, outlier=10_000)
    sae = trained_on(x)
    sae.W_enc.data[:, 5] = 0  # what is seen everywhere tells nothing
    sae.choose_search(x)
    assert not sae.estimates_serve
    sae.choose_search(vectors(400))
    assert sae.estimates_serve


def test_floats_are_searched_where_nothing_multiplies_integers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(products, "product_dtype", lambda _: torch.float32)
    assert not trained_on(vectors(100)).estimates_serve


def test_the_largest_of_each_vector_are_kept() -> None:
    generator = torch.Generator().manual_seed(0)
    counts = torch.tensor([3, 0, 7, 1, 5])
    for some in (counts, torch.full((5,), 6), torch.zeros(5, dtype=torch.int64)):
        n = int(some.sum())
        support = Support(offsets_of(some), torch.randperm(n, generator=generator).int())
        values = torch.randn(n, generator=generator)
        kept, entries = keep_top_k(support, values, 3)
        assert torch.equal(kept.features, support.features[entries])
        for row in range(5):
            first, last = support.offsets[row : row + 2].tolist()
            mine = values[entries[kept.offsets[row] : kept.offsets[row + 1]]]
            wanted = values[first:last].clamp_min(0).sort(descending=True).values[:3]
            assert torch.equal(mine.sort(descending=True).values, wanted[wanted > 0])


def test_the_largest_of_all_are_kept() -> None:
    values = torch.tensor([3.0, -1.0, 4.0, 2.0, 4.0, -2.0])
    support = Support(torch.tensor([0, 2, 6]), torch.tensor([10, 11, 12, 13, 14, 15]).int())
    kept, entries, border = keep_largest(support, values, 3)
    assert kept.features.tolist() == [10, 12, 14]
    assert (kept.offsets.tolist(), entries.tolist(), border) == ([0, 1, 3], [0, 2, 4], 3.0)
    assert keep_largest(support, values, 5)[2] == 0.0
    assert keep_largest(support, values, 9)[2] == 0.0


@needs_integers
def test_it_learns_the_same_as_in_floats(monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.sae.recipes import recipe

    x = vectors(300)
    slopes = []
    for _ in range(2):
        sae = trained_on(x)
        _, training = recipe("topk", 96, 300, width=512, k=8)
        for parameter in sae.parameters():
            parameter.grad = torch.zeros_like(parameter)
        none = torch.empty(0, dtype=torch.int64)
        sae.training_step(StepInput(x, x, variance=96.0, dead=none), training)
        slopes.append(sae.W_enc.grad)
        monkeypatch.setattr(products, "product_dtype", lambda _: torch.float32)
    torch.testing.assert_close(*slopes, rtol=1e-3, atol=1e-5)
