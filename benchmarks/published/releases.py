"""Which releases of SAELens' list are taken, in which format they are, and where they read."""

import re
from typing import Any

FORMATS = {
    None: "sae_lens",
    "gemma_2": "gemma_scope",
    "gemma_2_transcoder": "gemma_scope",
    "gemma_3": "gemma_scope",
    "llama_scope": "llama_scope",
    "llama_scope_r1_distill": "llama_scope",
    "dictionary_learning_1": "dictionary_learning",
    "deepseek_r1": "qresearch",
    "qwen_scope": "qwen_scope",
    "mwhanna_transcoder": "circuit_tracer",
    "goodfire": "goodfire",
}
"""Ours, by what SAELens converts them with. Not read: temporal SAEs, CLTs, connor_rob's."""

MODELS = {
    "gemma-2-2b": "google/gemma-2-2b",
    "gemma-2-9b": "google/gemma-2-9b",
    "gemma-2-9b-it": "google/gemma-2-9b-it",
    "gemma-2-27b": "google/gemma-2-27b",
    "gemma-2b": "google/gemma-2b",
    "gemma-2b-it": "google/gemma-2b-it",
    "gpt2-small": "openai-community/gpt2",
    "pythia-70m-deduped": "EleutherAI/pythia-70m-deduped",
    "qwen3-0.6b": "Qwen/Qwen3-0.6B",
    "qwen3-1.7b": "Qwen/Qwen3-1.7B",
    "qwen3-4b": "Qwen/Qwen3-4B",
    "qwen3-8b": "Qwen/Qwen3-8B",
    "qwen3-14b": "Qwen/Qwen3-14B",
}
"""Ids on the hub, by TransformerLens' names."""

_LEFT_OUT = (
    "mistral-7b-res-wg",  # scaled token by token (constant_norm_rescale)
    "gpt2-small-mlp-tm",  # scaled by a factor that no file of it holds
    "sae_bench_gemma-2-2b",  # sweeps of some hundreds, of which the newest are taken
    "gemma-scope-9b-it-res",  # the canonical ones are taken, and of the others what has none
)
_ONLY_CANONICAL = re.compile(r"gemma-scope-(2b|9b)-pt-(res|mlp|att)")


def is_taken(name: str, told: dict[str, Any]) -> bool:
    """Whether a release goes into the table."""
    if name.startswith(_LEFT_OUT) and not name.endswith("-canonical"):
        return False
    if _ONLY_CANONICAL.fullmatch(name) or told.get("conversion_func") not in FORMATS:
        return False
    return any(site_kinds(told, sae["id"])[0] for sae in told["saes"])


def site_kinds(told: dict[str, Any], id: str) -> tuple[str, str]:
    """Where an autoencoder reads, and for a transcoder where it writes, as kinds of our sites;
    empty for a place that we have no site for."""
    converted, repository = told.get("conversion_func"), told["repo_id"]
    if converted == "gemma_3":
        path = next(str(sae["path"]) for sae in told["saes"])
        kind = path.partition("/")[0].removesuffix("_all")
        return {
            "resid_post": ("resid_post", ""),
            "mlp_out": ("mlp_out", ""),
            "attn_out": ("attn_z", ""),
            "transcoder": ("mlp_in", "mlp_out"),
        }.get(kind, ("", ""))
    if converted == "gemma_2_transcoder":
        return "mlp_in_unscaled", "mlp_out"
    if converted == "gemma_2":
        if id.startswith("embedding"):
            return "", ""
        kind = repository.rpartition("-")[2]
        return {"res": "resid_post", "mlp": "mlp_out", "att": "attn_z"}[kind], ""
    if converted == "mwhanna_transcoder":
        return "mlp_in", "mlp_out"
    if converted in ("llama_scope", "llama_scope_r1_distill"):
        kinds = {"r": "resid_post", "m": "mlp_out", "a": "attn_out"}
        found = re.match(r"l[^_]*([rma])(_|$)", id)
        assert found is not None
        return kinds[found[1]], ""
    if converted in ("qwen_scope", "goodfire", "deepseek_r1"):
        return "resid_post", ""
    for kind in ("resid_pre", "resid_post", "attn_out", "mlp_out"):
        if kind in id:
            return kind, ""
    return "", ""
