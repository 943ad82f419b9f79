"""Observing: one pass, no more of it than needed, and nothing left behind."""

import pytest
import torch

from engine.errors import UserError
from engine.model.observe import observe
from engine.model.site import Site, parse_site
from tests.model.zoo import CONTEXT, some_tokens, zoo_model


def _hooks(lm) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in lm.model.modules())


def test_several_sites_take_one_pass_that_ends_after_the_last() -> None:
    lm = zoo_model("llama")
    runs = dict.fromkeys(["embedding", "layer 0", "layer 1", "MLP 1", "layer 2", "head"], 0)
    layers = lm.layers
    handles = []
    for name, module in zip(
        runs,
        [
            lm.model.get_input_embeddings(),
            layers[0],
            layers[1],
            layers[1].mlp,
            layers[2],
            lm.model.get_output_embeddings(),
        ],
        strict=True,
    ):
        handles.append(
            module.register_forward_pre_hook(
                lambda *_, name=name: runs.__setitem__(name, runs[name] + 1)
            )
        )
    sites = [Site("attn_out", 1), Site("resid_post", 0), Site("resid_pre", 0)]
    seen = observe(lm, some_tokens(1, 5), sites)
    for handle in handles:
        handle.remove()
    assert list(seen) == sites
    assert runs == {
        "embedding": 1, "layer 0": 1, "layer 1": 1, "MLP 1": 0, "layer 2": 0, "head": 0
    }  # fmt: skip


def test_sites_together_are_the_sites_one_by_one() -> None:
    lm = zoo_model("falcon-parallel")
    ids = some_tokens(2, 6)
    sites = [Site(kind, layer) for layer in (0, 2) for kind in ("mlp_out", "attn_out")]
    together = observe(lm, ids, [*sites, sites[0]])
    for site in sites:
        assert torch.equal(together[site], observe(lm, ids, [site])[site])


def test_nothing_is_asked_and_nothing_runs() -> None:
    assert observe(zoo_model("llama"), some_tokens(1, 5), []) == {}


def test_padding_changes_nothing_on_the_right_and_is_masked_on_the_left() -> None:
    lm = zoo_model("llama")
    site = Site("resid_post", 2)
    ids = some_tokens(1, 6)
    alone = observe(lm, ids, [site])[site]
    filled = torch.zeros(1, 3, dtype=torch.int64)
    right = observe(lm, torch.cat([ids, filled], 1), [site])[site]
    torch.testing.assert_close(right[:, :6], alone)
    mask = torch.tensor([[0] * 3 + [1] * 6])
    left = observe(lm, torch.cat([filled, ids], 1), [site], attention_mask=mask)[site]
    torch.testing.assert_close(left[:, 3:], alone, rtol=1e-4, atol=1e-4)


def test_activations_are_copies_without_gradients() -> None:
    lm = zoo_model("gpt2")
    site = Site("resid_pre", 1)
    seen = observe(lm, some_tokens(1, 4), [site])[site]
    before = seen.clone()
    assert not seen.requires_grad
    seen += 1
    assert torch.equal(observe(lm, some_tokens(1, 4), [site])[site], before)


def test_no_hook_stays_behind_even_after_an_error() -> None:
    lm = zoo_model("opt")
    before = _hooks(lm)
    observe(lm, some_tokens(1, 4), [Site("mlp_out", 1), Site("resid_pre", 0)])
    with pytest.raises(UserError):
        observe(lm, some_tokens(1, 4), [Site("resid_pre", 0), Site("resid_pre", 7)])

    def fault(*_) -> None:
        raise RuntimeError("a fault in layer 1")

    with (
        lm.layers[1].register_forward_pre_hook(fault),
        pytest.raises(RuntimeError, match="a fault in layer 1"),
    ):
        observe(lm, some_tokens(1, 4), [Site("mlp_out", 1)])
    assert _hooks(lm) == before


@pytest.mark.parametrize(
    ("ids", "sentence"),
    [
        (torch.zeros(1, 0, dtype=torch.int64), "no tokens"),
        (torch.ones(1, CONTEXT + 1, dtype=torch.int64), "has 65 tokens.* takes 64"),
        (torch.tensor([[5, 99]]), "outside 0 to 98"),
        (torch.tensor([[-1, 5]]), "outside 0 to 98"),
    ],
)
def test_token_ids_that_no_model_takes_are_refused(ids, sentence) -> None:
    with pytest.raises(UserError, match=sentence):
        observe(zoo_model("gpt2"), ids, [parse_site("resid_post.0")])
