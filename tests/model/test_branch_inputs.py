"""What MLPs and output projections are given, against hooks on the modules themselves."""

from dataclasses import replace

import pytest
import torch
import transformers as hf
from torch import Tensor, nn

from engine.errors import UserError
from engine.model.anatomy import examine
from engine.model.edit import editing
from engine.model.generate import generate, logits
from engine.model.locate import all_sites, check_site, site_width
from engine.model.observe import observe
from engine.model.site import Site, parse_site
from tests.model.zoo import (
    NO_NORM_BEFORE_MLP,
    STATEFUL,
    SUMS,
    language_model,
    some_tokens,
    zoo_model,
)

LAYER = 1
MLP_IN, UNSCALED, Z = (Site(kind, LAYER) for kind in ("mlp_in", "mlp_in_unscaled", "attn_z"))

ALL = [*SUMS, "gemma4", "gemma4-e"]
MLPS = {"opt": "fc1", "mpt": "ffn", "llama4": "feed_forward"}
"""Inside a layer; else `mlp`."""
PROJECTIONS = {
    "phi": "self_attn.dense",
    "gpt2": "attn.c_proj",
    "gptj": "attn.out_proj",
    "gpt-neox-parallel": "attention.dense",
    "gpt-neox-sequential": "attention.dense",
    "opt": "self_attn.out_proj",
    "bloom": "self_attention.dense",
    "falcon-parallel": "self_attention.dense",
    "falcon-new": "self_attention.dense",
    "falcon-sequential": "self_attention.dense",
    "mpt": "attn.out_proj",
}
"""Else `self_attn.o_proj`."""
NORMS = {
    "gemma2": "pre_feedforward_layernorm",
    "gemma3": "pre_feedforward_layernorm",
    "gemma3-with-eyes": "pre_feedforward_layernorm",
    "gemma4": "pre_feedforward_layernorm",
    "gemma4-e": "pre_feedforward_layernorm",
    "cohere": "input_layernorm",
    "phi": "input_layernorm",
    "gpt2": "ln_2",
    "gptj": "ln_1",
    "opt": "final_layer_norm",
    "falcon-parallel": "input_layernorm",
    "falcon-new": "ln_mlp",
    "mpt": "norm_2",
}
"""Else `post_attention_layernorm`."""
BEHIND_PROJECTION = {
    "gemma2": "post_attention_layernorm",
    "gemma3": "post_attention_layernorm",
    "gemma3-with-eyes": "post_attention_layernorm",
    "gemma4": "post_attention_layernorm",
    "gemma4-e": "post_attention_layernorm",
    "olmo2": "post_attention_layernorm",
    "olmo3": "post_attention_layernorm",
    "glm4": "post_self_attn_layernorm",
}
"""A norm that lies between the projection and the residual stream."""
MULTIPLIED = {"granite": 0.22, "minicpm3": 1.4 / 3**0.5}
"""By what a layer multiplies what it adds."""
ONE_MORE = ("gemma2", "gemma3", "gemma3-with-eyes", "qwen3-next", "qwen3.5", "qwen3.5-moe")
"""Whose norms multiply by their weight plus one."""


def module(name: str, table: dict[str, str], default: str) -> nn.Module:
    return zoo_model(name).layers[LAYER].get_submodule(table.get(name, default))


def given_to(name: str, part: nn.Module, ids: Tensor) -> Tensor:
    """What `part` is called on, by a hook of our own: [batch, tokens, width]."""
    given: list[Tensor] = []
    hook = part.register_forward_pre_hook(lambda _, args: given.append(args[0].clone()))
    zoo_model(name).model(input_ids=ids, use_cache=False)
    hook.remove()
    return given[0].view(*ids.shape, -1)


@pytest.mark.parametrize("name", ALL)
def test_what_is_observed_is_what_the_module_is_given(name: str) -> None:
    lm, ids = zoo_model(name), some_tokens(2, 9)
    seen = observe(lm, ids, [MLP_IN, Z])
    assert torch.equal(seen[MLP_IN], given_to(name, module(name, MLPS, "mlp"), ids))
    projection = module(name, PROJECTIONS, "self_attn.o_proj")
    assert torch.equal(seen[Z], given_to(name, projection, ids))


@pytest.mark.parametrize("name", ALL)
def test_the_projection_of_z_is_what_attention_adds(name: str) -> None:
    lm, ids = zoo_model(name), some_tokens(2, 9)
    seen = observe(lm, ids, [Z, Site("attn_out", LAYER)])
    projection = module(name, PROJECTIONS, "self_attn.o_proj")
    matrix = projection.weight if isinstance(projection, nn.Linear) else projection.weight.T
    added = seen[Z].double() @ matrix.double().T
    if getattr(projection, "bias", None) is not None:
        added = added + projection.bias
    if name in BEHIND_PROJECTION:
        added = module(name, BEHIND_PROJECTION, "")(added.float())
    expected = added.float() * MULTIPLIED.get(name, 1.0)
    torch.testing.assert_close(seen[Site("attn_out", LAYER)], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in ALL if name not in NO_NORM_BEFORE_MLP])
def test_gain_times_the_unscaled_input_is_the_input(name: str) -> None:
    lm, ids = zoo_model(name), some_tokens(2, 9)
    seen = observe(lm, ids, [UNSCALED, MLP_IN])
    norm = module(name, NORMS, "post_attention_layernorm")
    scaled = seen[UNSCALED] * gain_of(name)
    if getattr(norm, "bias", None) is not None:
        scaled = scaled + norm.bias
    torch.testing.assert_close(scaled, seen[MLP_IN], rtol=1e-4, atol=1e-5)
    of_size_1 = seen[UNSCALED].square().mean(-1)
    assert ((of_size_1 <= 1.0001) & (of_size_1 > 0.9)).all()


@pytest.mark.parametrize("name", ALL)
def test_an_edit_gives_the_module_something_else_and_nothing_besides(name: str) -> None:
    lm, ids = zoo_model(name), some_tokens(2, 6)
    projection = module(name, PROJECTIONS, "self_attn.o_proj")
    for site, part in ((MLP_IN, module(name, MLPS, "mlp")), (Z, projection)):
        push = torch.linspace(-2, 3, site_width(lm, site))

        def hook(_: nn.Module, args: tuple[Tensor, ...], push: Tensor = push) -> object:
            return (args[0] * 0.5 + push, *args[1:])

        handle = part.register_forward_pre_hook(hook)
        expected = lm.model(input_ids=ids, use_cache=False).logits
        handle.remove()
        edited = logits(lm, ids, {site: lambda x, _, push=push: x * 0.5 + push})
        assert torch.equal(edited, expected)
        assert (edited - logits(lm, ids)).abs().max() > 1e-3


@pytest.mark.parametrize("name", [name for name in ALL if name not in NO_NORM_BEFORE_MLP])
def test_an_unscaled_edit_is_scaled_by_the_gain(name: str) -> None:
    lm, ids = zoo_model(name), some_tokens(2, 6)
    gain, push = gain_of(name), torch.linspace(-2, 3, 16)
    edited = logits(lm, ids, {UNSCALED: lambda x, _: x + push})
    expected = logits(lm, ids, {MLP_IN: lambda x, _: x + push * gain})
    torch.testing.assert_close(edited, expected, rtol=1e-3, atol=1e-3)
    with editing(lm, {MLP_IN: lambda x, _: x + push * gain}):
        shown = observe(lm, ids, [UNSCALED])[UNSCALED]
    clean = observe(lm, ids, [UNSCALED])[UNSCALED]
    torch.testing.assert_close(shown, clean + push, rtol=1e-3, atol=1e-3)


def gain_of(name: str) -> Tensor:
    norm = module(name, NORMS, "post_attention_layernorm")
    return norm.weight + 1 if name in ONE_MORE else norm.weight


def test_a_norm_without_weights_has_no_gain_to_take_off() -> None:
    lm = language_model(
        hf.OlmoConfig(
            vocab_size=50,
            hidden_size=27,
            intermediate_size=24,
            num_hidden_layers=2,
            num_attention_heads=1,
            head_dim=2,
            pad_token_id=0,
        )
    )
    seen = observe(lm, some_tokens(1, 5) % 50, [UNSCALED, MLP_IN])
    torch.testing.assert_close(seen[UNSCALED], seen[MLP_IN], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["llama", "gemma3", "gpt2", "phi"])
def test_half_precision_takes_off_the_gain_as_float32_does(name: str) -> None:
    lm = zoo_model(name)
    half = type(lm.model)(lm.model.config).eval()
    half.load_state_dict(lm.model.state_dict())
    half = half.to(torch.bfloat16)
    small = replace(lm, model=half, anatomy=examine(half), dtype=torch.bfloat16)
    ids = some_tokens(2, 9)
    seen = observe(small, ids, [UNSCALED, MLP_IN])
    assert seen[UNSCALED].dtype == torch.bfloat16
    scaled = seen[UNSCALED].float() * gain_of(name)
    bias = getattr(module(name, NORMS, "post_attention_layernorm"), "bias", None)
    scaled = scaled if bias is None else scaled + bias
    torch.testing.assert_close(scaled, seen[MLP_IN].float(), rtol=0.02, atol=0.02)
    nothing = {site: lambda x, _: x.clone() for site in (UNSCALED, MLP_IN, Z)}
    assert torch.equal(logits(small, ids, nothing), logits(small, ids))


@pytest.mark.parametrize("name", ["olmo2", "olmo3"])
def test_an_mlp_that_is_given_no_norms_output_is_said_to_be_one(name: str) -> None:
    sentence = r"no mlp_in_unscaled\.1 in this \w+: what the MLP .* layer 1 is given is no norm's"
    with pytest.raises(UserError, match=rf"{sentence}.*Use mlp_in\.1"):
        check_site(zoo_model(name), UNSCALED)


def test_attention_that_ends_in_no_linear_map_has_no_z() -> None:
    model = hf.LlamaForCausalLM(zoo_model("llama").model.config).eval()
    for layer in model.model.layers:
        layer.self_attn.o_proj = nn.Sequential(layer.self_attn.o_proj, nn.Tanh())
    lm = replace(zoo_model("llama"), model=model, anatomy=examine(model))
    assert observe(lm, some_tokens(1, 4), [Site("attn_out", 1)])[Site("attn_out", 1)].any()
    with pytest.raises(UserError, match=r"no attn_z\.1 in this .*no linear map.*Use attn_out\.1"):
        check_site(lm, Z)


@pytest.mark.parametrize("name", STATEFUL)
def test_where_layers_differ_what_is_observed_is_what_the_named_module_is_given(name: str) -> None:
    lm, ids = zoo_model(name), some_tokens(2, 6)
    for info in all_sites(lm):
        site = parse_site(info.site)
        if site.kind not in ("attn_z", "mlp_in"):
            continue
        given = given_to(name, lm.model.get_submodule(info.module), ids)
        assert given.shape == (2, 6, info.width)
        torch.testing.assert_close(observe(lm, ids, [site])[site], given)
        plain = lm.model(input_ids=ids, use_cache=False).logits
        assert torch.equal(logits(lm, ids, {site: lambda x, _: x.clone()}), plain)


def test_an_mlp_with_experts_beside_it_is_said_to_begin_nowhere() -> None:
    sentence = r"no mlp_in\.1 in this \w+: it can't be told where the MLP of layer 1 begins"
    with pytest.raises(UserError, match=rf"{sentence}.*Use mlp_out\.1"):
        check_site(zoo_model("gemma4-moe"), MLP_IN)


def test_heads_may_be_wider_together_than_the_residual_stream() -> None:
    lm = language_model(
        hf.Gemma3TextConfig(
            vocab_size=99,
            hidden_size=16,
            intermediate_size=24,
            num_hidden_layers=3,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=12,
            max_position_embeddings=64,
            sliding_window=4,
        )
    )
    widths = {info.site: info.width for info in all_sites(lm)}
    assert (widths["attn_z.1"], widths["mlp_in.1"], site_width(lm, Z)) == (24, 16, 24)
    assert observe(lm, some_tokens(2, 5), [Z])[Z].shape == (2, 5, 24)
    (grown,) = generate(lm, [some_tokens(5)], 4, edits_of=lambda _: {Z: lambda x, _: -x})
    read_again = logits(lm, grown[None, :-1], {Z: lambda x, _: -x})[0, 4:].argmax(-1)
    assert torch.equal(read_again, grown[5:])
