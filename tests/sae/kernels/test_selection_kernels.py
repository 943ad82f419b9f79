"""The kernels that select, against what a loop over every number selects."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from engine.sae.kernels.support import Support, subset
from tests.sae.kernels.cases import Entries, entries, every, law, module, rows_of, there

DTYPES = [torch.float32, torch.bfloat16, torch.float16]


@st.composite
def preactivations(draw: st.DrawFn) -> Tensor:
    """[n, F] of each dtype: odd widths and even, all negative, none, many that are equal."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 1000)))
    width = draw(st.one_of(st.integers(1, 70), st.sampled_from([256, 500, 4099])))
    pre = torch.randn(draw(st.integers(1, 4)), width, generator=generator)
    pre += torch.tensor(draw(st.sampled_from([-9.0, -1.0, 0.0, 9.0])))
    pre[0] -= draw(st.sampled_from([0, 9]))
    return (pre.round() if draw(st.booleans()) else pre).to(draw(st.sampled_from(DTYPES)))


@every
@law
@given(preactivations(), st.data())
def test_top_k_takes_the_largest_above_0(name: str, pre: Tensor, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, pre.shape[1]) | st.just(pre.shape[1]))
    support = module(name).select_top_k(*there(name, pre), k)
    assert support.offsets.dtype == torch.int64
    assert support.features.dtype == torch.int32
    for line, features in zip(pre.tolist(), rows_of(support), strict=True):
        assert len(set(features)) == len(features)
        largest = sorted((value for value in line if value > 0), reverse=True)[:k]
        assert sorted((line[f] for f in features), reverse=True) == largest


@every
@law
@given(preactivations(), st.integers(0, 1000))
def test_above_takes_what_reaches_its_bound(name: str, pre: Tensor, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    bounds = (torch.rand(pre.shape[1], generator=generator) * 2).round() / 2 + 0.5
    support, values = module(name).select_above(*there(name, pre, bounds.to(pre.dtype)))
    expected = [
        [f for f, (value, bound) in enumerate(zip(line, bounds.tolist(), strict=True))
         if value >= bound]
        for line in pre.tolist()
    ]  # fmt: skip
    assert list(rows_of(support)) == expected
    assert values.dtype == pre.dtype
    assert torch.equal(values.cpu(), torch.cat([pre[i, f] for i, f in enumerate(expected)]))


@every
def test_a_value_that_equals_the_least_bound_is_there(name: str) -> None:
    tiny = torch.finfo(torch.bfloat16).tiny
    pre = torch.tensor([[tiny, 0.0, -tiny, 1.0]], dtype=torch.bfloat16)
    support, _ = module(name).select_above(*there(name, pre, torch.full_like(pre[0], tiny)))
    assert list(rows_of(support)) == [[0, 3]]


@every
@pytest.mark.parametrize("sort", ["top_k", "above"])
def test_infinity_is_selected_so_that_a_run_that_diverges_shows_it(name: str, sort: str) -> None:
    pre = torch.full((2, 300), -1.0)
    pre[1, 299] = torch.inf
    kernels = module(name)
    if sort == "top_k":
        support = kernels.select_top_k(*there(name, pre), 2)
    else:
        support, _ = kernels.select_above(*there(name, pre, torch.ones(300)))
    assert list(rows_of(support)) == [[], [299]]


@every
@law
@given(entries, st.booleans(), st.data())
def test_largest_keeps_the_first_of_equals(
    name: str, case: Entries, coarse: bool, data: st.DataObject
) -> None:
    values = case.values.abs() + 0.5
    values = values.round() if coarse else values.bfloat16()
    count = data.draw(st.integers(1, len(values) + 1))
    *moved, values = there(name, *case.support, values)
    support, border = module(name).largest(Support(*moved), values, count)
    order = sorted(range(len(values)), key=lambda entry: (-values[entry].item(), entry))
    keep = torch.zeros(len(values), dtype=torch.bool)
    keep[order[:count]] = True
    assert list(rows_of(support)) == list(rows_of(subset(case.support, keep)))
    assert border == (values.cpu()[keep].min().item() if len(values) >= count else 0)
