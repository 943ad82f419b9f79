"""Candidates found by products in bf16: nothing that is active in exact arithmetic is missed."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from engine.sae.kernels.cpu.bounded import at_least, top_k_within
from engine.sae.kernels.cpu.sorting import largest_of_each
from engine.sae.kernels.rerank import keep_top_k
from engine.sae.kernels.rounded import RoundedEncoder
from engine.sae.kernels.support import Support
from tests.sae.kernels.cases import Entries, law, random_entries, rows_of

SHAPES = st.tuples(st.integers(1, 4), st.sampled_from([1, 5, 63, 64, 65, 130, 700]))


@st.composite
def rounded_numbers(draw: st.DrawFn) -> tuple[Tensor, Tensor, Tensor]:
    """True numbers [n, F], how far each row may be off [n], and what is known of them, in bf16."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10_000)))
    n, width = draw(SHAPES)
    true = torch.randn(n, width, generator=generator) + draw(st.sampled_from([-2.0, 0.0, 3.0]))
    if draw(st.booleans()):
        true = true.round()  # many are equal
    off = draw(st.sampled_from([0.0, 0.01, 0.3, 5.0])) * torch.rand(n, generator=generator)
    shift = (2 * torch.rand(n, width, generator=generator) - 1) * off[:, None]
    return true, off * 1.01, (true + shift).bfloat16() + 0  # no -0


@law
@given(rounded_numbers(), st.integers(1, 40))
def test_all_that_may_be_among_the_k_largest_is_found(
    numbers: tuple[Tensor, Tensor, Tensor], k: int
) -> None:
    true, off, known = numbers
    k = min(k, true.shape[1])
    found = top_k_within(known, k, off, true.shape[1])
    assert found is not None
    for line, features in zip(true, rows_of(found), strict=True):
        assert features == sorted(set(features))
        border = max(line.topk(k).values[-1].item(), 0.0)
        wanted = {f for f, value in enumerate(line.tolist()) if value > 0 and value >= border}
        assert wanted <= set(features)


def test_of_exact_numbers_little_more_is_found_than_is_wanted() -> None:
    known = torch.randn(20, 4096, generator=torch.Generator().manual_seed(0)).bfloat16()
    found = top_k_within(known, 32, torch.zeros(20), 4096)
    assert found is not None
    assert int(found.offsets.diff().min()) >= 32
    assert int(found.offsets.diff().max()) < 48


@law
@given(rounded_numbers(), st.integers(0, 10_000))
def test_what_reaches_a_bound_is_found_below_0_too(
    numbers: tuple[Tensor, Tensor, Tensor], seed: int
) -> None:
    known = numbers[2]
    bounds = torch.randn(known.shape[1], generator=torch.Generator().manual_seed(seed))
    bounds[::3] = known[0, ::3].float()  # equal to it
    found = at_least(known, bounds, known.shape[1])
    assert found is not None
    nearly = bounds - bounds.abs() / 128  # rounded down
    for line, features in zip(known.float(), rows_of(found), strict=True):
        wanted, most = ((line >= least).nonzero().flatten() for least in (bounds, nearly))
        assert set(wanted.tolist()) <= set(features) <= set(most.tolist())
        assert features == sorted(features)


def test_more_than_there_is_room_for_is_no_answer() -> None:
    known = torch.ones(2, 100).bfloat16()
    assert at_least(known, torch.zeros(100), 99) is None
    assert at_least(known, torch.zeros(100), 100) is not None
    assert top_k_within(known, 3, torch.zeros(2), 99) is None


@law
@given(
    st.builds(
        random_entries,
        st.integers(1, 6),
        st.integers(1, 40),
        st.just(1),
        share=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
        seed=st.integers(0, 1000),
    ),
    st.integers(1, 20),
    st.booleans(),
)
def test_the_largest_of_each_vector_stay_in_their_order(
    entries: Entries, k: int, ties: bool
) -> None:
    support, values = entries.support, entries.values
    values = values.round() if ties else values
    kept, which = largest_of_each(support, values, k)
    assert torch.equal(kept.features, support.features[which])
    place = 0
    for first, last, chosen in zip(
        support.offsets[:-1].tolist(), support.offsets[1:].tolist(), rows_of(kept), strict=True
    ):
        own = values[first:last].tolist()
        above = [n for n, value in enumerate(own) if value > 0]
        best = sorted(sorted(above, key=lambda n: -own[n])[:k])  # of equal ones, the first
        assert (which[place : place + len(chosen)] - first).tolist() == best
        place += len(chosen)


@pytest.mark.parametrize("k", [1, 3, 9])
def test_keeping_the_largest_is_the_same_in_every_dtype(k: int) -> None:
    generator = torch.Generator().manual_seed(k)
    support = Support(torch.arange(0, 71, 10), torch.randperm(70, generator=generator).int())
    values = torch.randn(70, generator=generator)
    here, there = keep_top_k(support, values, k), keep_top_k(support, values.double(), k)
    assert torch.equal(here[0].features, there[0].features)
    assert torch.equal(here[0].offsets, there[0].offsets)
    assert torch.equal(here[1], there[1])


class TestRoundedEncoder:
    """Against products in fp64, on rows and vectors of very different lengths."""

    def data(self, seed: int, lengths: float) -> tuple[Tensor, Tensor, Tensor]:
        generator = torch.Generator().manual_seed(seed)
        x, rows, bias = (
            torch.randn(shape, generator=generator) for shape in ((50, 96), (600, 96), (600,))
        )
        scales = torch.randn(600, 1, generator=generator).mul(lengths).exp()
        return x * torch.linspace(0.1, 3, 50)[:, None], rows * scales / 10, bias / 3

    @pytest.mark.parametrize("lengths", [0.0, 0.5])
    def test_the_k_largest_are_among_the_candidates(self, lengths: float) -> None:
        x, rows, bias = self.data(1, lengths)
        found = RoundedEncoder(rows, bias).top_k(x, 16)
        assert found is not None
        exact = x.double() @ rows.double().T + bias.double()
        for line, features in zip(exact, rows_of(found), strict=True):
            best = line.topk(16).indices[line.topk(16).values > 0]
            assert set(best.tolist()) <= set(features)

    @pytest.mark.parametrize("lengths", [0.0, 0.5])
    def test_all_above_their_thresholds_are_among_the_candidates(self, lengths: float) -> None:
        x, rows, bias = self.data(2, lengths)
        exact = x.double() @ rows.double().T + bias.double()
        least = (exact.max() / 2 * torch.linspace(0.8, 1, 600)).float()
        found = RoundedEncoder(rows, bias).above(x, least)
        assert found is not None
        for line, features in zip(exact, rows_of(found), strict=True):
            assert set((line > least).nonzero().flatten().tolist()) <= set(features)

    def test_there_is_no_answer_where_nearly_all_are_candidates(self) -> None:
        x, rows, bias = self.data(3, 0.0)
        encoder = RoundedEncoder(rows, bias + 100)
        assert encoder.above(x, torch.zeros(600)) is None

    def test_there_is_no_answer_for_numbers_that_are_not_finite(self) -> None:
        x, rows, bias = self.data(4, 0.0)
        x[3, 5] = torch.inf
        assert RoundedEncoder(rows, bias).top_k(x, 8) is None
        assert RoundedEncoder(rows, bias).above(x, torch.ones(600)) is None
