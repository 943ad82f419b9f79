"""Small random models of many architectures, to hold the laws of the room against."""

import functools
from typing import Any

import torch
import transformers as hf

from engine.model.anatomy import examine
from engine.model.load import LanguageModel

CONTEXT = 64
VOCABULARY = 99

_COMMON = {
    "vocab_size": VOCABULARY,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 8,
    "max_position_embeddings": CONTEXT,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
# PyTorch multiplies experts in bfloat16 only where their sizes are multiples of 8
_EXPERTS = {"num_experts_per_tok": 2, "moe_intermediate_size": 16}
_GPT = {"n_embd": 16, "n_layer": 3, "n_head": 2, "n_positions": CONTEXT}
_LATENT = {
    "q_lora_rank": 8,
    "kv_lora_rank": 8,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 8,
    "v_head_dim": 8,
    "num_key_value_heads": 2,
}
_VISION = {
    "hidden_size": 8,
    "intermediate_size": 8,
    "num_hidden_layers": 3,
    "num_attention_heads": 1,
    "image_size": 16,
    "patch_size": 8,
}


_SPARSE = _EXPERTS | {"n_routed_experts": 4, "n_group": 1, "topk_group": 1}
_DENSE_FIRST = {"first_k_dense_replace": 1}
# of many heads: with few, tokens often score 0 alike, and which are read then depends on the batch
_INDEXER = {"index_n_heads": 16, "index_head_dim": 16, "index_topk": 8}
_LINEAR = {
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 2,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
    "layer_types": ["linear_attention", "full_attention", "linear_attention"],
}
_GEMMA4 = {
    "sliding_window": 4,
    "global_head_dim": 16,
    "layer_types": ["sliding_attention", "full_attention", "full_attention"],
}


def _falcon(**changes: bool) -> Any:
    common = {name: value for name, value in _COMMON.items() if name != "head_dim"}
    return hf.FalconConfig(**common, **changes)


def _gemma3_with_eyes() -> Any:
    text = hf.Gemma3TextConfig(**_COMMON, sliding_window=4)
    return hf.Gemma3Config(text_config=text, vision_config=_VISION, mm_tokens_per_image=4)


SUMS: dict[str, Any] = {
    "llama": lambda: hf.LlamaConfig(**_COMMON),
    "mistral": lambda: hf.MistralConfig(**_COMMON, sliding_window=4),
    "qwen3": lambda: hf.Qwen3Config(**_COMMON),
    "gemma2": lambda: hf.Gemma2Config(**_COMMON, sliding_window=4),
    "gemma3": lambda: hf.Gemma3TextConfig(**_COMMON, sliding_window=4),
    "gemma3-with-eyes": _gemma3_with_eyes,
    "olmo2": lambda: hf.Olmo2Config(**_COMMON),
    "olmo3": lambda: hf.Olmo3Config(**_COMMON, sliding_window=4),
    "olmoe": lambda: hf.OlmoeConfig(**_COMMON, num_experts=4, num_experts_per_tok=2),
    "glm": lambda: hf.GlmConfig(**_COMMON),
    "glm4": lambda: hf.Glm4Config(**_COMMON),
    "glm4-moe": lambda: hf.Glm4MoeConfig(**_COMMON | _SPARSE | _DENSE_FIRST),
    "glm4-moe-lite": lambda: hf.Glm4MoeLiteConfig(**_COMMON | _LATENT | _SPARSE),
    "glm5": lambda: hf.GlmMoeDsaConfig(**_COMMON | _LATENT | _SPARSE | _INDEXER),
    "cohere": lambda: hf.CohereConfig(**_COMMON),
    "phi": lambda: hf.PhiConfig(**_COMMON | {"num_key_value_heads": 2}),
    "phi3": lambda: hf.Phi3Config(**_COMMON),
    "stablelm": lambda: hf.StableLmConfig(**_COMMON),
    "granite": lambda: hf.GraniteConfig(**_COMMON, residual_multiplier=0.22),
    "minicpm3": lambda: hf.MiniCPM3Config(**_COMMON | _LATENT),
    "gpt2": lambda: hf.GPT2Config(**_COMMON | _GPT),
    "gptj": lambda: hf.GPTJConfig(**_COMMON | _GPT, rotary_dim=4),
    "gpt-neox-parallel": lambda: hf.GPTNeoXConfig(**_COMMON, use_parallel_residual=True),
    "gpt-neox-sequential": lambda: hf.GPTNeoXConfig(**_COMMON, use_parallel_residual=False),
    "opt": lambda: hf.OPTConfig(**_COMMON, ffn_dim=24, word_embed_proj_dim=16),
    "bloom": lambda: hf.BloomConfig(**_COMMON | {"n_head": 2}),
    "falcon-parallel": lambda: _falcon(new_decoder_architecture=False),
    "falcon-new": lambda: _falcon(new_decoder_architecture=True),
    "falcon-sequential": lambda: _falcon(new_decoder_architecture=False, parallel_attn=False),
    "mpt": lambda: hf.MptConfig(**_COMMON | {"d_model": 16, "n_heads": 2, "n_layers": 3}),
    "mixtral": lambda: hf.MixtralConfig(**_COMMON, num_local_experts=4),
    "qwen3-moe": lambda: hf.Qwen3MoeConfig(**_COMMON | _EXPERTS, num_experts=4),
    "gpt-oss": lambda: hf.GptOssConfig(
        **_COMMON, num_local_experts=4, num_experts_per_tok=2, sliding_window=4
    ),
    "llama4": lambda: hf.Llama4TextConfig(
        **_COMMON, num_local_experts=4, intermediate_size_mlp=24, attention_chunk_size=8
    ),
    "deepseek-v2": lambda: hf.DeepseekV2Config(
        **_COMMON | _LATENT | _SPARSE | _DENSE_FIRST, n_shared_experts=1
    ),
    "deepseek-v3": lambda: hf.DeepseekV3Config(**_COMMON | _LATENT | _SPARSE | _DENSE_FIRST),
    "deepseek-v3.2": lambda: hf.DeepseekV32Config(
        **_COMMON | _LATENT | _SPARSE | _DENSE_FIRST | _INDEXER
    ),
    "qwen3-next": lambda: hf.Qwen3NextConfig(
        **_COMMON | _EXPERTS | _LINEAR, num_experts=4, shared_expert_intermediate_size=12
    ),
    "qwen3.5": lambda: hf.Qwen3_5TextConfig(**_COMMON | _LINEAR),
    "qwen3.5-moe": lambda: hf.Qwen3_5MoeTextConfig(
        **_COMMON | _EXPERTS | _LINEAR, num_experts=4, shared_expert_intermediate_size=12
    ),
}
"""Architectures whose layers are the sum of their input, one attention and one MLP."""

SCALED_SUMS: dict[str, Any] = {
    "gemma4": lambda: hf.Gemma4TextConfig(
        **_COMMON | _GEMMA4, hidden_size_per_layer_input=0, num_kv_shared_layers=0
    ),
    "gemma4-moe": lambda: hf.Gemma4TextConfig(
        **_COMMON | _GEMMA4 | _EXPERTS,
        hidden_size_per_layer_input=0,
        num_kv_shared_layers=0,
        enable_moe_block=True,
        num_experts=4,
        top_k_experts=2,
    ),
    "gemma4-e": lambda: hf.Gemma4TextConfig(
        **_COMMON | _GEMMA4,
        hidden_size_per_layer_input=4,
        vocab_size_per_layer_input=VOCABULARY,
        num_kv_shared_layers=1,
    ),
}
"""Architectures whose layers multiply such a sum, to which some add a third part."""

NO_NORM_BEFORE_MLP = ("olmo2", "olmo3", "gemma4-moe")
"""Of these, what gives its MLP the residual stream as it is, or has two beside each other."""

NO_MLP_IN = ("gemma4-moe",)
"""Of these, what has an MLP and experts beside it, which are given something else."""

NO_SUMS: dict[str, Any] = {
    "mamba": lambda: hf.MambaConfig(**_COMMON, state_size=8),
    "opt-350m": lambda: hf.OPTConfig(
        **_COMMON, ffn_dim=24, word_embed_proj_dim=8, do_layer_norm_before=False
    ),
    "gpt1": lambda: hf.OpenAIGPTConfig(**_COMMON | _GPT),
    "minimax": lambda: hf.MiniMaxConfig(
        **_COMMON, num_local_experts=4, mlp_alpha_factor=2.0, layer_types=["full_attention"] * 3
    ),
}
"""Architectures whose layers do something else, so that they have resid_pre and resid_post only."""

_MAMBA = {"mamba_d_state": 8, "mamba_n_heads": 4, "mamba_d_head": 8, "mamba_expand": 2}
_HYBRID = {"layer_types": ["mamba", "attention", "mamba"]}

STATEFUL: dict[str, Any] = {
    "rwkv": lambda: hf.RwkvConfig(
        **_COMMON | {"attention_hidden_size": 16}, context_length=CONTEXT, rescale_every=0
    ),
    "xlstm": lambda: hf.xLSTMConfig(
        vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=3, num_heads=2, chunk_size=8
    ),
    "mamba2": lambda: hf.Mamba2Config(
        **_COMMON | {"head_dim": 8}, num_heads=4, state_size=8, n_groups=1, chunk_size=8
    ),
    "falcon-mamba": lambda: hf.FalconMambaConfig(**_COMMON, state_size=8),
    "jamba": lambda: hf.JambaConfig(
        **_COMMON, num_experts=4, mamba_d_state=8, mamba_dt_rank=4, use_mamba_kernels=False
    ),
    "bamba": lambda: hf.BambaConfig(**_COMMON | _MAMBA, attn_layer_indices=[1]),
    "falcon-h1": lambda: hf.FalconH1Config(**_COMMON | _MAMBA, mamba_d_ssm=32),
    "granite-hybrid": lambda: hf.GraniteMoeHybridConfig(
        **_COMMON | _MAMBA | _HYBRID, num_local_experts=4, shared_intermediate_size=16
    ),
    "recurrent-gemma": lambda: hf.RecurrentGemmaConfig(
        **_COMMON, lru_width=16, attention_window_size=4, block_types=["recurrent", "attention"]
    ),
    "lfm2": lambda: hf.Lfm2Config(**_COMMON, layer_types=["conv", "full_attention", "conv"]),
}
"""Architectures that generate with a state of their own, or with one beside a cache."""

REFUSED: dict[str, Any] = {
    "deepseek-v4": lambda: hf.DeepseekV4Config(**_COMMON | _EXPERTS),
    "gemma3n": lambda: hf.Gemma3nTextConfig(
        **_COMMON,
        hidden_size_per_layer_input=4,
        vocab_size_per_layer_input=VOCABULARY,
        num_kv_shared_layers=0,
        laurel_rank=4,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        activation_sparsity_pattern=[0.0] * 3,
    ),
    "xlnet": lambda: hf.XLNetConfig(
        vocab_size=VOCABULARY, d_model=16, n_layer=2, n_head=2, d_inner=16
    ),
}
"""Architectures without a single residual stream."""

ZOO = SUMS | SCALED_SUMS | NO_SUMS | STATEFUL


@functools.cache
def zoo_model(name: str) -> LanguageModel:
    """The architecture called `name`, float32, every parameter drawn from a wide normal."""
    torch.set_num_threads(1)
    return language_model(ZOO[name]())


def language_model(config: Any, tokenizer: Any = None) -> LanguageModel:
    """A random model for `config`, put together as `load_model` does."""
    hf.logging.set_verbosity_error()
    torch.manual_seed(0)
    model: Any = hf.AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.3)
        for name, buffer in model.named_buffers():
            if name.endswith("layer_scalar"):
                buffer.fill_(0.75)  # Gemma 4's, 1 where a model begins
    model = model.eval().requires_grad_(False)
    model.generation_config = hf.GenerationConfig(eos_token_id=None, pad_token_id=0)
    return LanguageModel(
        model=model,
        tokenizer=tokenizer,
        source="zoo",
        revision=None,
        anatomy=examine(model),
        context=CONTEXT,
        device=torch.device("cpu"),
        dtype=torch.float32,
    )


def some_tokens(*shape: int, seed: int = 0) -> torch.Tensor:
    """Random token ids of `shape`, without the special ones."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(3, VOCABULARY, shape, generator=generator)
