"""The most similar directions, against cosines written out."""

import pytest
import torch
from torch.nn import functional

from engine.errors import UserError
from engine.features.search.nearest import comparison_warnings, nearest
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig
from engine.sae.formats.metadata import SAEMetadata


def sae_of(architecture: str = "relu", *, d_sae: int = 40, seed: int = 0, **settings):
    config = SAEConfig(architecture=architecture, d_in=6, d_sae=d_sae, **settings)
    return build(config, seed=seed).requires_grad_(False)


def expected(sae: SparseAutoencoder, feature: int, other: SparseAutoencoder) -> torch.Tensor:
    return functional.cosine_similarity(sae.W_dec[feature][None], other.W_dec)


@pytest.mark.parametrize("architecture", ["relu", "seed-basic", "seed-optimised"])
def test_in_its_own_sae_the_feature_itself_is_left_out(architecture: str) -> None:
    sae = sae_of(architecture)
    cosines = expected(sae, 7, sae)
    order = [i for i in cosines.argsort(descending=True).tolist() if i != 7]
    found = nearest(sae, 7, most=5)
    assert [relative.id for relative in found] == order[:5]
    likeness = torch.tensor([relative.likeness for relative in found])
    torch.testing.assert_close(likeness, cosines[order[:5]])
    assert len(nearest(sae, 7, most=1000)) == 39


def test_in_another_sae_its_twin_comes_first() -> None:
    sae, other = sae_of(), sae_of("topk", d_sae=11, seed=1, k=2)
    other.W_dec[4] = 9 * sae.W_dec[7]
    other.W_dec[5] = 0
    found = nearest(sae, 7, other, most=1000)
    assert (found[0].id, len(found)) == (4, 11)
    assert found[0].likeness == pytest.approx(1, abs=1e-6)
    assert next(relative.likeness for relative in found if relative.id == 5) == 0


def test_what_can_not_be_compared_is_refused() -> None:
    with pytest.raises(UserError, match="no feature 40"):
        nearest(sae_of(), 40)
    with pytest.raises(UserError, match="6 wide, those of the other 4"):
        nearest(sae_of(), 0, sae_of(d_out=4))


def test_other_places_deserve_a_word() -> None:
    here = SAEMetadata(model="demo", site="resid_post.1")
    assert comparison_warnings(here, here) == []
    assert comparison_warnings(here, SAEMetadata()) == []
    (site,) = comparison_warnings(here, SAEMetadata(model="demo", site="resid_post.2"))
    assert "resid_post.1 and at resid_post.2" in site
    coder = SAEMetadata(model="demo", site="resid_post.1", target_site="mlp_out.1")
    assert "at mlp_out.1" in comparison_warnings(here, coder)[0]
    (model,) = comparison_warnings(here, SAEMetadata(model="gpt2", site="resid_post.1"))
    assert "demo and gpt2" in model
