"""Sites of many architectures: what is where, and that its definition holds."""

import subprocess
import sys
from contextlib import nullcontext

import pytest
import torch
import transformers as hf
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import UserError
from engine.model.anatomy import examine
from engine.model.hooks import on_input
from engine.model.locate import all_sites, check_site
from engine.model.observe import observe
from engine.model.site import KINDS, Site, parse_site
from tests.model.zoo import (
    NO_MLP_IN,
    NO_NORM_BEFORE_MLP,
    NO_SUMS,
    REFUSED,
    SCALED_SUMS,
    SUMS,
    some_tokens,
    zoo_model,
)

SMALL = {
    "vocab_size": 99,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
}


@given(st.sampled_from(KINDS), st.integers(0, 9999))
def test_a_site_reads_back_as_it_was_written(kind, layer) -> None:
    assert parse_site(str(Site(kind, layer))) == Site(kind, layer)


@pytest.mark.parametrize(
    "text",
    ["", "resid_post", "resid_post.", "resid_post.-1", "resid_mid.3", "mlp_out.1.2", "\x1b[2J"],
)
def test_what_is_no_site_is_said_to_be_none(text) -> None:
    with pytest.raises(UserError, match="names no place in a model"):
        parse_site(text)


@pytest.mark.parametrize("name", [*SUMS, *SCALED_SUMS])
def test_layers_add_their_attention_and_mlp_to_what_enters_them(name) -> None:
    lm = zoo_model(name)
    absent = {"mlp_in_unscaled"} if name in NO_NORM_BEFORE_MLP else set()
    absent |= {"mlp_in"} if name in NO_MLP_IN else set()
    kinds = [kind for kind in KINDS if kind not in absent]
    assert [info.site for info in all_sites(lm)] == [
        f"{kind}.{layer}" for layer in range(3) for kind in kinds
    ]
    sites = [parse_site(info.site) for info in all_sites(lm)]
    thirds: list[torch.Tensor] = []
    for part in lm.layers if name == "gemma4-e" else []:
        part.post_per_layer_input_norm.register_forward_hook(
            lambda _, __, made: thirds.append(made)
        )
    seen = observe(lm, some_tokens(2, 11), sites)
    for layer in range(3):
        entered, attention, mlp, left = (
            seen[Site(kind, layer)] for kind in ("resid_pre", "attn_out", "mlp_out", "resid_post")
        )
        assert entered.shape == (2, 11, 16)
        assert attention.abs().max() > 1e-3
        assert mlp.abs().max() > 1e-3
        added = attention + mlp + (thirds[layer] if thirds else 0)
        scale = lm.layers[layer].layer_scalar if name in SCALED_SUMS else 1
        torch.testing.assert_close(scale * (entered + added), left, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NO_SUMS)
def test_other_layers_have_only_what_enters_and_leaves_them(name) -> None:
    lm = zoo_model(name)
    kinds = {parse_site(info.site).kind for info in all_sites(lm)}
    assert kinds == {"resid_pre", "resid_post"}
    for kind in sorted({*KINDS} - kinds):
        with pytest.raises(UserError, match=rf"no {kind}\.1.*not the sum.*Use resid_pre\.1"):
            check_site(lm, Site(kind, 1))


@pytest.mark.parametrize("name", [*SUMS, *SCALED_SUMS, "opt-350m", "gpt1", "minimax"])
def test_the_residual_stream_is_what_transformers_reports(name) -> None:
    lm = zoo_model(name)
    ids = some_tokens(2, 7)
    hidden = lm.model(input_ids=ids, output_hidden_states=True, use_cache=False).hidden_states
    seen = observe(lm, ids, [Site("resid_pre", layer) for layer in range(3)])
    for layer in range(3):
        assert torch.equal(seen[Site("resid_pre", layer)], hidden[layer])
    # transformers' last hidden state is behind the final norm
    before = observe(lm, ids, [Site("resid_post", layer) for layer in range(3)])
    assert torch.equal(before[Site("resid_post", 1)], hidden[2])
    if lm.anatomy.final_norm is not None:
        normed = lm.anatomy.final_norm(before[Site("resid_post", 2)])
        torch.testing.assert_close(normed, hidden[3].view(normed.shape))


def test_a_site_is_described_by_a_module_that_is_there() -> None:
    lm = zoo_model("gemma2")
    described = {info.site: info for info in all_sites(lm)}
    assert described["attn_out.1"].module == "model.layers.1.post_attention_layernorm"
    for info in described.values():
        lm.model.get_submodule(info.module)
        assert info.width == 16
    assert "MLP of layer 2" in described["mlp_out.2"].meaning


@pytest.mark.parametrize("kind", KINDS)
def test_beyond_the_last_layer_the_last_one_is_named(kind) -> None:
    with pytest.raises(UserError, match=rf"no {kind}\.3.*last one is {kind}\.2"):
        check_site(zoo_model("llama"), Site(kind, 3))


def test_a_model_that_sees_later_tokens_is_refused() -> None:
    config = hf.BertConfig(
        vocab_size=99, hidden_size=16, num_hidden_layers=2, num_attention_heads=2
    )
    with pytest.raises(UserError, match="looks at later tokens"):
        examine(hf.BertLMHeadModel(config).eval())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("kind", "config"),
    [
        (hf.BertLMHeadModel, lambda: hf.BertConfig(**SMALL)),
        (hf.RobertaForCausalLM, lambda: hf.RobertaConfig(**SMALL)),
        (
            hf.Gemma3ForCausalLM,
            lambda: hf.Gemma3TextConfig(**SMALL, head_dim=8, use_bidirectional_attention=True),
        ),
        (hf.LlamaForCausalLM, lambda: hf.LlamaConfig(**SMALL, is_causal=False)),
        (hf.MixtralForCausalLM, lambda: hf.MixtralConfig(**SMALL, is_causal=False)),
    ],
)
def test_looking_ahead_is_seen_whatever_the_rounding_and_however_large_the_stream(
    kind, config, dtype
) -> None:
    torch.manual_seed(0)
    model = kind(config()).eval()
    with torch.no_grad():
        model.get_input_embeddings().weight[:, 0] = 1000.0
    with pytest.raises(UserError, match="looks at later tokens"):
        examine(model.to(dtype))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("seed", [2, 3, 4])
def test_experts_that_tokens_share_make_no_model_look_ahead(seed, dtype) -> None:
    torch.manual_seed(seed)
    config = hf.MixtralConfig(
        **SMALL | {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 16},
        num_local_experts=8,
        initializer_range=0.1,
    )
    assert len(examine(hf.MixtralForCausalLM(config).to(dtype).eval()).layers) == 16


def test_many_experts_with_large_weights_make_no_model_look_ahead() -> None:
    torch.manual_seed(0)
    config = hf.GptOssConfig(
        **SMALL | {"hidden_size": 128, "intermediate_size": 128, "num_hidden_layers": 16},
        head_dim=32,
        num_local_experts=16,
    )
    model = hf.GptOssForCausalLM(config).eval()
    with torch.no_grad():
        for weights in model.parameters():
            if weights.ndim >= 2:
                weights.normal_(0, 0.1)
    assert len(examine(model).layers) == 16


def test_a_model_that_cannot_be_differentiated_is_judged_by_what_it_computes() -> None:
    torch.manual_seed(0)
    for ahead in (False, True):
        model = hf.LlamaForCausalLM(hf.LlamaConfig(**SMALL, is_causal=not ahead)).eval()
        for layer in model.model.layers:
            layer.forward = torch.no_grad()(layer.forward)
        with pytest.raises(UserError, match="looks at later") if ahead else nullcontext():
            examine(model)


def test_threads_that_sum_in_another_order_make_no_model_look_ahead() -> None:
    torch.manual_seed(0)
    config = hf.LlamaConfig(
        vocab_size=512,
        hidden_size=128,
        intermediate_size=512,
        num_hidden_layers=4,
        num_attention_heads=8,
        initializer_range=128**-0.5,
    )
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert len(examine(hf.LlamaForCausalLM(config).eval()).layers) == 4
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("deepseek-v4", "4 streams, mixed anew by each layer, pass through them side by side"),
        ("gemma3n", "4 streams, mixed anew by each layer, pass through them side by side"),
        ("xlnet", r"is no vector for each token, but \[3, 2, 16\]"),
    ],
)
def test_a_model_without_a_single_residual_stream_is_refused(name: str, reason: str) -> None:
    model = hf.AutoModelForCausalLM.from_config(REFUSED[name]()).eval()
    with pytest.raises(UserError, match=f"no single residual stream .*{reason}"):
        examine(model)


def test_of_a_mixture_of_experts_mlp_out_is_the_sum_that_the_router_weights() -> None:
    lm, ids = zoo_model("qwen3.5-moe"), some_tokens(1, 5)
    block = lm.layers[1].mlp
    entered: list[torch.Tensor] = []
    with on_input(block, lambda x: entered.append(x.clone())):
        (seen,) = observe(lm, ids, [Site("mlp_out", 1)]).values()
    (x,) = entered[0]
    scores = (x @ block.gate.weight.T).softmax(-1)
    weights, chosen = scores.topk(2, dim=-1)
    weights = weights / weights.sum(-1, keepdim=True)
    expected = torch.zeros_like(x)
    for token, (experts, shares) in enumerate(zip(chosen, weights, strict=True)):
        for expert, share in zip(experts.tolist(), shares, strict=True):
            gate, up = (block.experts.gate_up_proj[expert] @ x[token]).chunk(2)
            inner = torch.nn.functional.silu(gate) * up
            expected[token] += share * (block.experts.down_proj[expert] @ inner)
    shared = block.shared_expert(x) * (x @ block.shared_expert_gate.weight.T).sigmoid()
    torch.testing.assert_close(seen[0], expected + shared, rtol=1e-4, atol=1e-5)


def test_half_precision_finds_the_same_parts() -> None:
    for name in ("gemma3", "gpt2", "granite", "falcon-new"):
        lm = zoo_model(name)
        half = type(lm.model)(lm.model.config).eval()
        half.load_state_dict(lm.model.state_dict())
        assert examine(half.to(torch.bfloat16)).places == lm.anatomy.places


def test_naming_sites_and_sources_needs_no_torch() -> None:
    code = (
        "import sys, engine.model.site, engine.model.source;"
        "sys.exit(any(m in sys.modules for m in ('torch', 'transformers', 'numpy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
