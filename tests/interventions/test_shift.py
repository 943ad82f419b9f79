"""Shifts are told as (token, dimension), never as indices into flattened arrays."""

import numpy as np
import pytest
import torch

from engine.interventions.delta import ResolvedEdit
from engine.interventions.reconstruction import reconstruction_delta
from engine.interventions.shift import measure_shift, token_and_dimension
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig

D_MODEL = 1152


@pytest.mark.parametrize(
    ("index", "place"),
    [(1038, (0, 1038)), (2190, (1, 1038)), (11406, (9, 1038)), (26382, (22, 1038))],
)
def test_the_four_dimensions_of_the_seed_are_one(index: int, place: tuple[int, int]) -> None:
    assert token_and_dimension(index, D_MODEL) == place
    flattened = torch.zeros(45 * D_MODEL)
    flattened[index] = -2.6862
    shift = measure_shift(flattened.view(45, D_MODEL))
    assert (shift["top_dims"][0].token, shift["top_dims"][0].dim) == place
    assert shift["dimensions"][0].dim == 1038


def test_figures_against_numpy() -> None:
    delta = np.random.default_rng(0).normal(size=(9, 12))
    shift = measure_shift(torch.from_numpy(delta))
    assert shift["mean_abs_diff"] == pytest.approx(np.abs(delta).mean())
    assert shift["max_abs_diff"] == pytest.approx(np.abs(delta).max())
    places = sorted(np.ndindex(*delta.shape), key=lambda place: -abs(delta[place]))[:5]
    assert [(top.token, top.dim) for top in shift["top_dims"]] == places
    assert [top.delta for top in shift["top_dims"]] == [delta[place] for place in places]
    dims = np.argsort(-np.abs(delta).mean(0))[:5]
    assert [summary.dim for summary in shift["dimensions"]] == dims.tolist()
    for summary in shift["dimensions"]:
        column = delta[:, summary.dim]
        assert summary.mean_delta == pytest.approx(column.mean())
        assert summary.mean_abs_delta == pytest.approx(np.abs(column).mean())
        assert summary.max_abs_delta == pytest.approx(np.abs(column).max())


def test_fewer_numbers_than_are_told_of() -> None:
    shift = measure_shift(torch.tensor([[1.0, -3.0]]))
    assert [(top.token, top.dim, top.delta) for top in shift["top_dims"]] == [
        (0, 1, -3.0),
        (0, 0, 1.0),
    ]
    assert [summary.dim for summary in shift["dimensions"]] == [1, 0]


@torch.no_grad()
def test_the_seeds_experiment_at_its_own_size() -> None:
    """Seven prompts of its lengths, 24,576 features: the top dimensions are hidden dimensions, and,
    by construction, the same ones for every prompt."""
    torch.set_num_threads(1)
    feature = 6024
    sae = build(SAEConfig(architecture="topk", d_in=D_MODEL, d_sae=24_576, k=32))
    generator = torch.Generator().manual_seed(0)
    strongest = set(sae.W_dec[feature].abs().topk(5).indices.tolist())
    for tokens in (49, 29, 50, 50, 47, 53, 31):
        x = torch.randn(tokens, D_MODEL, generator=generator)
        touched = torch.ones(tokens, dtype=torch.bool)
        difference = reconstruction_delta(sae, x, [ResolvedEdit(feature, "clamp", 5.0)], touched)
        encoded = sae.encode(x)
        baseline = sae.decode(encoded)
        encoded[:, feature] = 5.0
        clamped = sae.decode(encoded)
        torch.testing.assert_close(difference, clamped - baseline)
        shift = measure_shift(difference)
        assert shift["mean_abs_diff"] == pytest.approx(
            (clamped - baseline).abs().mean().item(), rel=1e-4
        )
        assert len(shift["top_dims"]) == 5
        for top in shift["top_dims"]:
            assert 0 <= top.dim < D_MODEL
            assert 0 <= top.token < tokens
            assert top.dim in strongest
        assert {summary.dim for summary in shift["dimensions"]} == strongest


def test_only_the_touched_tokens_change() -> None:
    sae = build(SAEConfig(architecture="topk", d_in=8, d_sae=20, k=3))
    x = torch.randn(6, 8, generator=torch.Generator().manual_seed(0))
    touched = torch.tensor([False, False, True, True, False, False])
    difference = reconstruction_delta(sae, x, [ResolvedEdit(4, "add", 2.0)], touched)
    assert difference.any(-1).tolist() == touched.tolist()
