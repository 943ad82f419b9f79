"""Gradients at a site, against what small steps there do to the model."""

import pytest
import torch

from engine.errors import UserError
from engine.model.edit import editing
from engine.model.generate import logits
from engine.model.gradient import sensitivity
from engine.model.locate import all_sites
from engine.model.observe import observe
from engine.model.site import KINDS, Site, parse_site
from tests.model.zoo import NO_SUMS, SCALED_SUMS, SUMS, some_tokens, zoo_model

IDS = some_tokens(1, 7)[0]


def logp(said: torch.Tensor) -> torch.Tensor:
    """Of some next token."""
    return said[-1].log_softmax(-1)[5]


@pytest.mark.parametrize("name", [*SUMS, *SCALED_SUMS, *NO_SUMS])
def test_logits_and_activations_are_the_models_own_at_every_site(name: str) -> None:
    lm = zoo_model(name)
    for info in all_sites(lm):
        site = parse_site(info.site)
        found = sensitivity(lm, IDS, site, logp)
        assert torch.equal(found.logits, logits(lm, IDS[None])[0])
        assert torch.equal(found.activations, observe(lm, IDS[None], [site])[site][0])
        assert found.gradient.shape == found.activations.shape


@pytest.mark.parametrize("name", ["llama", "gemma2", "gpt2", "gpt-neox-parallel", "granite"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_small_step_changes_the_figure_by_what_the_gradient_says(name: str, kind: str) -> None:
    lm, site = zoo_model(name), Site(kind, 1)
    gradient = sensitivity(lm, IDS, site, logp).gradient
    step = 1e-2 * torch.nn.functional.normalize(gradient, dim=None)

    def after(sign: int) -> torch.Tensor:
        with editing(lm, {site: lambda x, _: x + sign * step}):
            return logp(logits(lm, IDS[None])[0])

    expected = 2 * (gradient * step).sum()
    torch.testing.assert_close(after(1) - after(-1), expected, rtol=0.02, atol=1e-6)


def test_nothing_that_comes_after_the_figures_position_has_a_gradient() -> None:
    found = sensitivity(zoo_model("llama"), IDS, Site("resid_post", 0), lambda said: said[3].sum())
    reached = found.gradient.abs().sum(-1) > 0
    assert reached.tolist() == [True] * 4 + [False] * 3


def test_gradients_are_not_asked_of_the_parameters() -> None:
    lm = zoo_model("llama")
    found = sensitivity(lm, IDS, Site("resid_post", 0), logp)
    assert not any(parameter.requires_grad for parameter in lm.model.parameters())
    assert not any(part.requires_grad for part in found)


def test_what_can_not_be_read_is_refused() -> None:
    with pytest.raises(UserError, match=r"no resid_post\.9"):
        sensitivity(zoo_model("llama"), IDS, Site("resid_post", 9), logp)
    with pytest.raises(UserError, match="no tokens"):
        sensitivity(zoo_model("llama"), IDS[:0], Site("resid_post", 0), logp)
