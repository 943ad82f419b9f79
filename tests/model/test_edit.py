"""Editing: exactly what was asked, where it was asked, in prefill and in every cached step."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.errors import UserError
from engine.model.edit import editing
from engine.model.generate import generate, logits
from engine.model.locate import all_sites, site_width
from engine.model.observe import observe
from engine.model.site import KINDS, Site, parse_site
from tests.model.zoo import (
    NO_MLP_IN,
    NO_NORM_BEFORE_MLP,
    NO_SUMS,
    SCALED_SUMS,
    STATEFUL,
    SUMS,
    some_tokens,
    zoo_model,
)

PUSH = torch.linspace(-2, 3, 16)


def push_at(position: int, by: Tensor = PUSH):
    """An edit that adds a constant at one position."""
    return lambda x, positions: x + (positions == position)[..., None] * by


@pytest.mark.parametrize("name", [*SUMS, *SCALED_SUMS, *NO_SUMS])
def test_edits_that_change_nothing_leave_the_logits_bit_identical(name) -> None:
    lm = zoo_model(name)
    ids = some_tokens(2, 9)
    plain = lm.model(ids).logits
    assert torch.equal(logits(lm, ids), plain)
    assert torch.equal(logits(lm, ids, {}), plain)
    nothing = {parse_site(info.site): lambda x, _: x.clone() for info in all_sites(lm)}
    assert torch.equal(logits(lm, ids, nothing), plain)


@pytest.mark.parametrize("name", [*SUMS, *SCALED_SUMS])
@pytest.mark.parametrize("kind", KINDS)
def test_an_edit_moves_the_activation_and_the_residual_stream_by_what_it_says(name, kind) -> None:
    if kind == "mlp_in" and name in NO_MLP_IN:
        pytest.skip("its MLP has experts beside it")
    if kind == "mlp_in_unscaled" and name in NO_NORM_BEFORE_MLP:
        pytest.skip("its MLP is given no norm's output")
    lm = zoo_model(name)
    ids = some_tokens(2, 5)
    site = Site(kind, 1)
    sites = [site, Site("resid_pre", 2)]
    before = observe(lm, ids, sites)
    push = torch.linspace(-2, 3, site_width(lm, site))
    with editing(lm, {site: push_at(3, push)}):
        after = observe(lm, ids, sites)
    moved = after[site] - before[site]
    torch.testing.assert_close(moved[:, 3], push.expand(2, -1), rtol=1e-4, atol=1e-4)
    assert torch.equal(after[site][:, :3], before[site][:, :3])
    downstream = after[Site("resid_pre", 2)] - before[Site("resid_pre", 2)]
    # nothing lies between these sites and the next layer, but what Gemma 4's layers do at their end
    if kind == "resid_post" or (kind == "mlp_out" and name != "gemma4-e"):
        by = 0.75 * push if kind == "mlp_out" and name in SCALED_SUMS else push
        torch.testing.assert_close(downstream[:, 3], by.expand(2, 16), rtol=1e-4, atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["llama", "gemma2", "gpt-neox-parallel", "mixtral", "bloom", "mamba"]),
    st.sampled_from(["resid_pre", "resid_post"]),
    st.integers(0, 2),
    st.integers(0, 9),
)
def test_an_edit_at_a_position_changes_nothing_before_it(name, kind, layer, position) -> None:
    lm = zoo_model(name)
    ids = some_tokens(1, 10)
    plain = logits(lm, ids)
    edited = logits(lm, ids, {Site(kind, layer): push_at(position)})
    torch.testing.assert_close(edited[:, :position], plain[:, :position])
    assert (edited[:, position] - plain[:, position]).abs().max() > 1e-3


@pytest.mark.parametrize("name", ["llama", "gemma3", "gpt2", "falcon-new", "qwen3-next", "mamba"])
def test_later_tokens_never_change_earlier_logits(name) -> None:
    lm = zoo_model(name)
    ids = some_tokens(1, 12)
    edits = {Site("resid_post", 1): push_at(2)}
    longer = torch.cat([ids[:, :7], some_tokens(1, 5, seed=1)], 1)
    torch.testing.assert_close(logits(lm, ids, edits)[:, :7], logits(lm, longer, edits)[:, :7])


CACHED = [
    "llama", "mistral", "gemma3", "gemma3-with-eyes", "gpt2", "gptj", "gpt-neox-parallel", "opt",
    "bloom", "falcon-parallel", "phi", "granite", "mixtral", "deepseek-v3", "qwen3-next", "mamba",
    "gemma4", "gemma4-e", "qwen3.5", "gpt-oss", "olmo3", "deepseek-v3.2", "glm5",
]  # fmt: skip


@pytest.mark.parametrize("name", CACHED)
def test_cached_generation_is_the_same_as_reading_everything_again_at_each_step(name) -> None:
    lm = zoo_model(name)
    pushes = torch.randn(20, 16, generator=torch.Generator().manual_seed(1))
    edits = {Site("resid_post", 0): lambda x, positions: 1.5 * x + pushes[positions]}
    ids = some_tokens(2, 8)
    with editing(lm, edits):
        cached = lm.model.generate(
            ids, max_new_tokens=6, do_sample=False, output_logits=True, return_dict_in_generate=True
        )
    said = torch.stack(cached.logits, 1)
    for step in range(6):
        again = logits(lm, ids, edits)[:, -1]
        torch.testing.assert_close(said[:, step], again.float(), rtol=1e-3, atol=1e-3)
        assert (again - logits(lm, ids)[:, -1]).abs().max() > 1e-2
        ids = torch.cat([ids, again.argmax(-1, keepdim=True)], 1)
    assert torch.equal(
        torch.stack(generate(lm, some_tokens(2, 8), 6, edits_of=lambda _: edits)), ids
    )


@pytest.mark.parametrize("name", [*STATEFUL, "mixtral", "opt-350m", "mamba"])
@pytest.mark.parametrize("rows", [1, 2])
def test_an_edited_generation_says_what_the_whole_text_says_at_each_step(name, rows) -> None:
    lm = zoo_model(name)
    pushes = torch.randn(20, lm.d_model, generator=torch.Generator().manual_seed(1))

    def push_behind_bos(x: Tensor, positions: Tensor) -> Tensor:
        pushed = x + x.norm(dim=-1, keepdim=True) * pushes[positions]
        return torch.where((positions > 0)[..., None], pushed, x)

    edits = {Site("resid_post", 1): push_behind_bos}
    ids = grown = some_tokens(rows, 7)
    for _ in range(8):
        grown = torch.cat([grown, logits(lm, grown, edits)[:, -1:].argmax(-1)], 1)
    assert torch.equal(torch.stack(generate(lm, ids, 8, edits_of=lambda _: edits)), grown)
    assert not torch.equal(torch.stack(generate(lm, ids, 8)), grown)


@pytest.mark.parametrize("name", ["llama", "gemma3", "gemma4-e", "bloom", "qwen3-next", "mamba"])
def test_positions_are_absolute_in_the_prompt_and_in_every_cached_step(name) -> None:
    lm = zoo_model(name)
    told: list[list[list[int]]] = []

    def note(x: Tensor, positions: Tensor) -> Tensor:
        told.append(positions.tolist())
        return x

    generate(lm, some_tokens(1, 5), 1)  # the first generation measures the model's cache
    with editing(lm, {Site("resid_post", 1): note}):
        for _ in range(2):
            generate(lm, some_tokens(1, 5), 4)
    assert told == [[[0, 1, 2, 3, 4]], [[5]], [[6]], [[7]]] * 2


@pytest.mark.parametrize("name", ["llama", "gemma3", "bloom", "qwen3-next", "mamba"])
def test_positions_of_a_padded_row_begin_at_its_own_first_token(name) -> None:
    lm = zoo_model(name)
    told: list[list[list[int]]] = []

    def note(x: Tensor, positions: Tensor) -> Tensor:
        told.append(positions.tolist())
        return x

    prompts = [some_tokens(2), some_tokens(5)]
    generate(lm, prompts, 1)  # the first generation measures the model's cache and padding
    generate(lm, prompts, 3, edits_of=lambda rows: {Site("resid_post", 1): note})
    assert told == [[[0, 1, 2, 3, 4], [-1, -1, -1, 0, 1]], [[5], [2]], [[6], [3]]]


@pytest.mark.parametrize("kind", ["resid_pre", "mlp_out", "resid_post"])
def test_layers_that_are_given_the_last_token_alone_are_told_its_position(kind) -> None:
    lm = zoo_model("gemma4-e")  # layer 2 takes keys and values of layer 1
    ids = grown = some_tokens(1, 7)
    edits = {Site(kind, 2): push_at(6, by=20 * PUSH), Site(kind, 1): push_at(0, by=20 * PUSH)}
    grown = torch.cat([ids, logits(lm, ids, edits)[:, -1:].argmax(-1)], 1)
    for _ in range(3):
        grown = torch.cat([grown, logits(lm, grown, edits)[:, -1:].argmax(-1)], 1)
    assert torch.equal(torch.stack(generate(lm, ids, 4, edits_of=lambda _: edits)), grown)
    only_later = {Site(kind, 1): edits[Site(kind, 1)]}
    assert not torch.equal(torch.stack(generate(lm, ids, 4, edits_of=lambda _: only_later)), grown)


def test_positions_go_on_from_a_cache_that_was_filled_before() -> None:
    lm = zoo_model("llama")
    told: list[list[list[int]]] = []
    cache = lm.model(some_tokens(1, 4), use_cache=True).past_key_values

    def note(x: Tensor, positions: Tensor) -> Tensor:
        told.append(positions.tolist())
        return x

    with editing(lm, {Site("resid_pre", 0): note}):
        lm.model(some_tokens(1, 3), past_key_values=cache)
    assert told == [[[4, 5, 6]]]


def test_edits_at_several_sites_all_apply_and_the_outer_block_goes_first() -> None:
    lm = zoo_model("llama")
    ids = some_tokens(1, 5)
    site = Site("resid_post", 1)
    clean = observe(lm, ids, [site])[site]
    with editing(lm, {site: lambda x, _: x + 1}), editing(lm, {site: lambda x, _: x * 2}):
        assert torch.equal(observe(lm, ids, [site])[site], (clean + 1) * 2)
        both = {Site("resid_pre", 2): lambda x, _: x - 3, Site("resid_pre", 1): lambda x, _: x * 0}
        with editing(lm, both):
            seen = observe(lm, ids, [Site("resid_pre", 1), site, Site("resid_pre", 2)])
    assert not seen[Site("resid_pre", 1)].any()
    assert torch.equal(seen[Site("resid_pre", 2)], seen[site] - 3)
    assert torch.equal(observe(lm, ids, [site])[site], clean)


def test_after_an_error_the_model_is_as_before() -> None:
    lm = zoo_model("granite")
    ids = some_tokens(1, 5)
    clean = logits(lm, ids)
    with pytest.raises(ValueError, match="an edit made"):
        logits(lm, ids, {Site("mlp_out", 1): lambda x, _: x[:, :2]})
    with pytest.raises(UserError, match="last one is"):
        logits(lm, ids, {Site("mlp_out", 1): lambda x, _: x + 1, Site("mlp_out", 9): push_at(0)})
    assert torch.equal(logits(lm, ids), clean)


def test_an_edit_may_compute_in_another_dtype() -> None:
    lm = zoo_model("qwen3")
    ids = some_tokens(1, 5)
    edited = logits(lm, ids, {Site("resid_post", 0): lambda x, _: x.double() + 1})
    assert torch.equal(edited, logits(lm, ids, {Site("resid_post", 0): lambda x, _: x + 1}))
