"""The k active features, against torch's own top-k and the dense formula's gradients."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.sae import sparse
from engine.sae.sparse import Active, count_active, encode_top_k, reconstruct_top_k, top_k


@st.composite
def rows_and_k(draw: st.DrawFn) -> tuple[Tensor, int]:
    n, width = draw(st.integers(1, 5)), draw(st.integers(1, 40).map(lambda w: w * 7 or 1))
    width = draw(st.sampled_from([width, 64, 96, 256]))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 1000)))
    coarse = draw(st.booleans())  # many equal values
    values = torch.randn(n, width, generator=generator)
    return (values.round() if coarse else values), draw(st.integers(1, width))


@given(rows_and_k())
@settings(deadline=None, max_examples=100)
def test_top_k_is_exact(case: tuple[Tensor, int]) -> None:
    values, k = case
    kept = top_k(values, k)
    assert torch.equal(kept.values.sort().values, values.topk(k).values.sort().values)
    assert torch.equal(values.gather(1, kept.indices), kept.values)
    assert all(len(row.unique()) == k for row in kept.indices)


def dense(x: Tensor, encoder: Tensor, bias: Tensor, decoder: Tensor, k: int) -> Tensor:
    pre = (x @ encoder.T + bias).relu()
    return (pre * (pre >= pre.topk(k, dim=1).values[:, -1:])) @ decoder


@pytest.mark.parametrize(("n", "d", "features", "k"), [(1, 1, 1, 1), (9, 5, 64, 3), (30, 4, 21, 7)])
def test_value_and_gradients_are_those_of_the_dense_formula(
    n: int, d: int, features: int, k: int
) -> None:
    torch.manual_seed(n)
    shapes = [(n, d), (features, d), (features,), (features, d)]
    inputs = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    weight = torch.randn(n, d, dtype=torch.float64)
    ours, _ = reconstruct_top_k(*inputs, k)
    theirs = dense(*inputs, k)
    torch.testing.assert_close(ours, theirs)
    for name, ours_grad, theirs_grad in zip(
        ("x", "encoder", "bias", "decoder"),
        torch.autograd.grad((ours * weight).sum(), inputs),
        torch.autograd.grad((theirs * weight).sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(ours_grad, theirs_grad, msg=lambda m, name=name: f"{name}: {m}")


def test_blocks_of_rows_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x, encoder, bias = torch.randn(23, 6), torch.randn(32, 6), torch.randn(32)
    whole = encode_top_k(x, encoder, bias, 4)
    monkeypatch.setattr(sparse, "BLOCK_ELEMENTS", 5 * 32)
    in_blocks = encode_top_k(x, encoder, bias, 4)
    torch.testing.assert_close(whole.values, in_blocks.values)
    assert torch.equal(whole.indices, in_blocks.indices)


def test_only_values_above_zero_are_active() -> None:
    active = Active(torch.tensor([[2.0, 0.0], [1.0, 3.0]]), torch.tensor([[4, 0], [4, 1]]))
    assert count_active(active, 6).tolist() == [0, 1, 0, 0, 2, 0]
