"""The layouts of OpenMOSS's Language-Model-SAEs, of three ages: Llama Scope, its R1-Distill, and
Llamascopium 2.

1, `hyperparams.json` and `checkpoints/final.safetensors`, one θ for all features:
    encoder.weight [d_sae, d_in]   encoder.bias   decoder.weight [d_out, d_sae]   decoder.bias
2, `config.json` and `sae_weights.safetensors`:
    the same, log_jumprelu_threshold [d_sae], dataset_average_activation_norm.HOOK
3, `config.json` and `sae_weights.safetensors`:
    W_E [d_in, d_sae]   b_E   W_D [d_sae, d_out]   b_D   activation_function.log_jumprelu_threshold
    dataset_average_activation_norm.HOOK

With `norm_activation` dataset-wise it reads and writes activations scaled to a mean norm of √d:
s = √d / norm, of what is read (s_in) and written (s_out):

    z = (s_in · x) @ W_E + b_E,   x̂ = (acts @ W_D + b_D) / s_out

    jumprelu  acts = relu(z) · (z · ‖W_D‖ > θ)      topk  the k largest of relu(z) · ‖W_D‖
    relu      acts = relu(z)

without ‖W_D‖, the length of what a feature writes, where `sparsity_include_decoder_norm` is false.
The θ of 1 was found in activations as they are, and counts as s_out · θ (s_in · θ without ‖W_D‖).

Where ‖W_D‖ counts, the library gives each feature a written length of 1 and multiplies acts by what
it was, and so is it done here. Acts are those of the scaled activations, as SAELens loads them and
as Neuronpedia shows them: s_out times what the library gives in its inference mode. Such files are
read, not written. Importing this needs no torch.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from engine.sae.config import SAEConfig
from engine.sae.formats.hooks import site_of
from engine.sae.formats.llama_scope_config import Described, describe
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.records import fields_to_keep, naming_file

if TYPE_CHECKING:
    from engine.sae.architectures.base import SparseAutoencoder
    from engine.sae.formats.tensors import Tensors
    from engine.sae.formats.weights import Weights

FIRST, CONFIG = "hyperparams.json", "config.json"
CHECKPOINT, WEIGHTS = "checkpoints/final.safetensors", "sae_weights.safetensors"
FILES = (FIRST, CHECKPOINT, CONFIG, WEIGHTS)
FORMAT = "llama_scope"
NORM = "dataset_average_activation_norm."

_NAMES = {
    "W_enc": "encoder.weight",
    "b_enc": "encoder.bias",
    "W_dec": "decoder.weight.T",
    "b_dec": "decoder.bias",
    "log_threshold": "log_jumprelu_threshold",
}
_LATER_NAMES = {
    "W_enc": "W_E.T",
    "b_enc": "b_E",
    "W_dec": "W_D",
    "b_dec": "b_D",
    "log_threshold": "activation_function.log_jumprelu_threshold",
}


def read(folder: Path) -> tuple["SparseAutoencoder", SAEMetadata]:
    """The autoencoder in `folder`, for inference, and where it comes from."""
    from engine.sae.formats.algebra import fold_decoder_norms, fold_scales, to_centred
    from engine.sae.formats.tensors import read_safetensors
    from engine.sae.formats.weights import assemble

    first = (folder / FIRST).is_file()
    path = folder / (FIRST if first else CONFIG)
    described = describe(path)
    tensors = read_safetensors(folder / (CHECKPOINT if first else WEIGHTS))
    with naming_file(path):
        config = SAEConfig(
            architecture=described.architecture,
            d_in=described.d_model,
            d_sae=described.width,
            k=described.top_k if described.architecture == "topk" else None,
            d_out=described.d_model if described.transcodes else None,
        )
    into, out = described.scales(path, _stored_norms(tensors, described))
    with naming_file(path):
        theta = described.threshold(into, out)
    weights = _weights(tensors, config, described, theta)
    if described.sparsity_include_decoder_norm:
        weights = fold_decoder_norms(weights)
    if not (config.transcodes or described.apply_decoder_bias_to_pre_encoder):
        weights = to_centred(weights)
    weights = fold_scales(weights, into, out)
    model = described.model_name or _model_of(folder)
    sites = {name: site_of(hook, model) for name, hook in described.hooks.items()}
    kept = {name: hook for name, hook in described.hooks.items() if not sites[name]}
    metadata = SAEMetadata(
        model=model,
        site=sites["hook_point_in"],
        target_site=sites.get("hook_point_out", ""),
        library_fields={FORMAT: fields_to_keep(kept, path)} if kept else {},
        unknown_fields=described.unknown,
    )
    return assemble(config, weights), metadata


def _weights(
    tensors: "Tensors", config: SAEConfig, described: Described, theta: float | None
) -> "Weights":
    """As they are stored, by our names; `theta` is what z · ‖W_D‖ is compared with, where one
    threshold is given for all."""
    import torch

    from engine.sae.formats.weights import THRESHOLD, logarithm, stored_weights

    names = dict(_LATER_NAMES if "W_E" in tensors.found else _NAMES)
    beside = [name for name in tensors.found if name.startswith(NORM)]
    if theta is not None:
        names.pop(THRESHOLD)
    if not described.use_decoder_bias:
        names.pop("b_dec")
    weights = stored_weights(tensors, names, config, but=beside)
    if config.architecture == "jumprelu" and theta is not None:
        weights[THRESHOLD] = logarithm(torch.full((config.d_sae,), theta))
    weights.setdefault("b_dec", torch.zeros(config.width_out))
    return weights


def _stored_norms(tensors: "Tensors", described: Described) -> dict[str, float]:
    """The mean norms that stand among the weights, by the place that they are of."""
    return {
        hook: tensors.number(NORM + hook)
        for hook in {described.hook_point_in, described.hook_point_out}
        if NORM + hook in tensors.found
    }


def _model_of(folder: Path) -> str:
    """By the name of the repository that it lies in, or nothing."""
    path = folder.as_posix()
    if "Llama-Scope-R1-Distill" in path:
        return "deepseek-ai/DeepSeek-R1-Distill-Llama-8B"
    return "meta-llama/Llama-3.1-8B" if "Llama3_1-8B-Base" in path else ""
