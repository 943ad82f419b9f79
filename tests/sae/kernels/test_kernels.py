"""Every set of kernels against dense formulas in fp64, and against autograd of these."""

import inspect
from importlib.util import find_spec

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from engine.sae.kernels import reference
from engine.sae.kernels.choose import kernels_for, triton_serves
from engine.sae.kernels.protocol import Kernels
from engine.sae.kernels.support import Support, concatenate
from tests.sae.kernels.cases import (
    GPU,
    Entries,
    check_sum,
    entries,
    every,
    law,
    module,
    random_entries,
    rows_of,
    there,
)


@pytest.mark.parametrize("name", ["reference", "cpu", *(["cuda"] if find_spec("triton") else [])])
def test_every_set_of_kernels_has_the_signatures_of_the_protocol(name: str) -> None:
    functions = {name: f for name, f in vars(Kernels).items() if inspect.isfunction(f)}
    promised = [name for name in functions if not name.startswith("_")]
    assert len(promised) == 12
    for function in promised:
        _, *wanted = inspect.signature(functions[function]).parameters.values()
        got = inspect.signature(getattr(module(name), function))
        assert list(got.parameters.values()) == wanted, function
        assert got.return_annotation == inspect.signature(functions[function]).return_annotation


@every
@law
@given(entries, st.integers(1, 4), st.integers(0, 1000))
def test_stacked_has_every_vector_once_a_group(
    name: str, case: Entries, groups: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    group_of = torch.randint(groups, (len(case.rows),), generator=generator)
    *moved, group_there = there(name, *case.support, group_of)
    support, order = module(name).stack_by_group(Support(*moved), group_there, groups)
    assert list(rows_of(support)) == [
        [f for f in features if group_of[f] == group]
        for group in range(groups)
        for features in rows_of(case.support)
    ]
    assert torch.equal(case.support.features[order.cpu()], support.features.cpu())
    assert sorted(order.tolist()) == list(range(len(case.values)))


@every
@law
@given(entries)
def test_by_feature_lists_each_features_vectors_in_order(name: str, case: Entries) -> None:
    by_feature = module(name).sort_by_feature(Support(*there(name, *case.support)), len(case.rows))
    vectors, features = case.places()
    expected = sorted(zip(features.tolist(), vectors.tolist(), range(len(features)), strict=True))
    assert by_feature.starts.diff().tolist() == features.bincount(minlength=len(case.rows)).tolist()
    assert by_feature.starts[0] == 0
    assert by_feature.vectors.tolist() == [vector for _, vector, _ in expected]
    assert by_feature.entries.tolist() == [entry for _, _, entry in expected]


@every
@law
@given(entries)
def test_sums_over_features_are_the_products_of_matrices(name: str, case: Entries) -> None:
    kernels, (width, d) = module(name), case.rows.shape
    *support, values, vectors, rows = there(name, *case.support, *case[1:])
    x, w, acts = case.vectors.double(), case.rows.double(), case.dense()
    at = case.places()

    got = kernels.weighted_rows(rows, Support(*support), values)
    check_sum(got, acts @ w, acts.abs() @ w.abs(), width)

    got = kernels.dots(vectors, rows, Support(*support))
    check_sum(got, (x @ w.T)[at], (x.abs() @ w.abs().T)[at], d)

    left, along = kernels.residual_and_dots(vectors, rows, Support(*support), values)
    size = x.abs() + acts.abs() @ w.abs()
    check_sum(left, x - acts @ w, size, width + 1)
    check_sum(along, ((x - acts @ w) @ w.T)[at], (size @ w.abs().T)[at], width + d)


@every
@law
@given(entries)
def test_sums_over_vectors_are_the_products_of_matrices(name: str, case: Entries) -> None:
    kernels, n = module(name), len(case.vectors)
    *support, values, vectors, before = there(name, *case.support, *case[1:])
    by_feature = kernels.sort_by_feature(Support(*support), len(before))
    x, acts, out = case.vectors.double(), case.dense(), before.clone()

    kernels.sums_by_feature(by_feature, values, vectors, out)
    size = before.double().cpu().abs() + acts.T.abs() @ x.abs()
    check_sum(out, before.double().cpu() + acts.T @ x, size, n + 1)

    got = kernels.totals_by_feature(by_feature, values)
    check_sum(got, acts.sum(0), acts.abs().sum(0), n)


@every
def test_a_feature_may_be_active_in_every_vector(name: str) -> None:
    kernels, case = module(name), random_entries(700, 3, 5, share=1.0, seed=0)
    *support, values, vectors, out = there(name, *case.support, *case[1:3], torch.zeros(3, 5))
    by_feature = kernels.sort_by_feature(Support(*support), 3)
    x, acts = case.vectors.double(), case.dense()
    kernels.sums_by_feature(by_feature, values, vectors, out)
    check_sum(out, acts.T @ x, acts.T.abs() @ x.abs(), 700)
    totals = kernels.totals_by_feature(by_feature, values)
    check_sum(totals, acts.sum(0), acts.abs().sum(0), 700)


@every
@pytest.mark.parametrize(("features", "d"), [(1, 1), (5, 3), (9, 256), (2, 1000)])
def test_rows_are_constrained_as_the_formulas_say(name: str, features: int, d: int) -> None:
    generator = torch.Generator().manual_seed(d)
    drawn = (torch.randn(features, d, generator=generator) for _ in range(2))
    rows, grad = there(name, *drawn)
    exact = rows.double() / rows.double().norm(dim=1, keepdim=True)
    module(name).normalise_rows(rows)
    check_sum(rows, exact.cpu(), exact.abs().cpu(), d)
    along = (grad.double() * rows).sum(1, keepdim=True)
    size = grad.abs() + (grad * rows).abs().sum(1, keepdim=True) * rows.abs()
    expected = grad.double() - along * rows
    module(name).remove_parallel(grad, rows)
    check_sum(grad, expected.cpu(), size.double().cpu(), 2 * d)


@every
@pytest.mark.parametrize(("n", "d", "width", "k"), [(1, 1, 1, 1), (9, 5, 64, 3), (30, 4, 21, 21)])
def test_a_step_of_kernels_has_the_gradients_of_autograd(
    name: str, n: int, d: int, width: int, k: int
) -> None:
    kernels, dtype = module(name), torch.float64 if name == "reference" else torch.float32
    generator = torch.Generator().manual_seed(n)
    shapes = [(n, d), (width, d), (width, d)]
    leaves = [torch.randn(shape, dtype=torch.float64, generator=generator) for shape in shapes]
    x, encoder, decoder = there(name, *(leaf.to(dtype) for leaf in leaves))

    support = kernels.select_top_k((x @ encoder.T).float(), k)
    acts = kernels.dots(x, encoder, support)
    left, along = kernels.residual_and_dots(x, decoder, support, acts)
    by_feature = kernels.sort_by_feature(support, width)
    by_encoder, by_decoder = torch.zeros_like(encoder), torch.zeros_like(decoder)
    kernels.sums_by_feature(by_feature, -2 * along, x, by_encoder)
    kernels.sums_by_feature(by_feature, -2 * acts, left, by_decoder)

    given_x, theirs, written = leaves[0], *(leaf.requires_grad_() for leaf in leaves[1:])
    pre = given_x @ theirs.T
    dense = pre.relu() * (pre >= pre.topk(k, dim=1).values[:, -1:])
    loss = (given_x - dense @ written).square().sum()
    expected = torch.autograd.grad(loss, (theirs, written))
    tolerance = (
        {"rtol": 1e-9, "atol": 1e-9} if name == "reference" else {"rtol": 2e-3, "atol": 2e-3}
    )
    torch.testing.assert_close(left.square().sum().double().cpu(), loss.detach(), **tolerance)
    for ours, autograds in zip((by_encoder, by_decoder), expected, strict=True):
        torch.testing.assert_close(ours.double().cpu(), autograds, **tolerance)


@pytest.mark.parametrize("name", ["cpu", *(["cuda"] if GPU else [])])
def test_neither_repeating_nor_threads_change_a_bit(name: str) -> None:
    case = random_entries(23, 37, 129, share=0.4, seed=3)
    pre = torch.randn(23, 500, generator=torch.Generator().manual_seed(1))
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 5, 5):
            torch.set_num_threads(threads)
            results.append(all_results(name, case, pre))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def all_results(name: str, case: Entries, pre: Tensor) -> list[Tensor]:
    """What every function gives, one after the other."""
    kernels = module(name)
    *moved, values, vectors, rows, pre = there(name, *case.support, *case[1:], pre)
    support, rows, grad = Support(*moved), rows.clone(), rows.flip(0)
    above, found = kernels.select_above(pre, torch.ones_like(pre[0]))
    by_feature = kernels.sort_by_feature(support, len(rows))
    kernels.sums_by_feature(by_feature, values, vectors, grad)
    kernels.normalise_rows(rows)
    kernels.remove_parallel(grad, rows)
    return [
        *kernels.select_top_k(pre, 40),
        *above,
        found,
        *by_feature,
        *kernels.largest(above, found, 20)[0],
        *kernels.residual_and_dots(vectors, rows, support, values),
        kernels.dots(vectors, rows, support),
        kernels.weighted_rows(rows, support, values),
        kernels.totals_by_feature(by_feature, values),
        rows,
        grad,
    ]


@given(entries)
@law
def test_joined_vectors_are_those_of_the_parts(case: Entries) -> None:
    n = len(case.vectors)
    offsets, features = case.support
    middle = int(offsets[n // 2])
    first = Support(offsets[: n // 2 + 1], features[:middle])
    parts = [first, Support(offsets[n // 2 :] - middle, features[middle:])]
    assert all(torch.equal(a, b) for a, b in zip(concatenate(parts), case.support, strict=True))


def test_the_reference_serves_what_no_fast_kernel_does() -> None:
    assert kernels_for(torch.empty(1)) is module("cpu")
    assert kernels_for(torch.empty(1, dtype=torch.bfloat16)) is module("cpu")
    assert kernels_for(torch.empty(1, dtype=torch.float64)) is reference
    assert kernels_for(torch.empty(1, device="meta")) is reference


@pytest.mark.skipif(GPU, reason="here Triton may well serve")
def test_where_triton_cannot_compile_it_is_said_and_the_reference_serves() -> None:
    triton_serves.cache_clear()
    with pytest.warns(UserWarning, match="Triton"):
        assert not triton_serves(torch.device("cuda"))
