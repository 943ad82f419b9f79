"""Autoencoders that were published without a library: written here, as they were published, and
loaded and run by SAELens."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import sae_lens
import torch
from sae_lens.loading import pretrained_sae_loaders as loaders
from safetensors.torch import save_file
from torch import Tensor

from benchmarks.formats.peer_case import Case, sae_lens_case
from benchmarks.formats.sizes import D_IN, D_SAE, K

SHAPE = {"d_in": D_IN, "d_sae": D_SAE}
LAYER = 3
GEMMA_TRANSCODERS = f"gemma-scope-2b-pt-transcoders/layer_{LAYER}/width_16k/average_l0_5"
GEMMA_ATTENTION = f"gemma-scope-2b-pt-att/layer_{LAYER}/width_16k/average_l0_5"
NORM = 3.7
"""Mean norm that activations are said to have where they are read."""


def lens(got: tuple[dict[str, Any], dict[str, Tensor], Any]) -> Any:
    """SAELens's autoencoder of what one of its loaders gives."""
    cfg, weights, _ = got
    cfg = loaders.handle_config_defaulting(cfg)
    kind, config = sae_lens.registry.get_sae_class(cfg["architecture"])
    sae = kind(config.from_dict(cfg | {"dtype": "float32"}))
    sae.load_state_dict({name: w.float() for name, w in weights.items()})
    if sae.cfg.reshape_activations == "hook_z":  # heads side by side, as vectors have them here
        sae.turn_off_forward_pass_hook_z_reshaping()
    return sae


def published_case(
    architecture: str,
    save: Callable[[Any, Path], object],
    load: Callable[[], Any],
    **settings: Any,
) -> Case:
    """One that is written here, and loaded by SAELens from where it was written."""
    plain = sae_lens_case(architecture, apply_b_dec_to_input=False, **settings)

    def loading(folder: Path) -> Any:
        def here(repo_id: str, filename: str, subfolder: str = "", **_: Any) -> str:
            return str(next(folder.rglob(Path(filename).name)))

        loaders.hf_hub_download = here
        return load()

    def saving(sae: Any, folder: Path) -> None:
        folder.mkdir(parents=True)
        save(sae, folder)

    return Case(make=plain.make, save=saving, load=loading, run=plain.run)


def pickled(name: str, **names: str) -> Callable[[Any, Path], None]:
    """Writes a pickled dictionary: `names` tell what weights are called, `_T` what is turned."""

    def save(sae: Any, folder: Path) -> None:
        weights = sae.state_dict()
        held = {
            its.removesuffix("_T"): (weights[ours].T if its.endswith("_T") else weights[ours])
            for ours, its in names.items()
        }
        torch.save({n.replace("__", "."): w.contiguous() for n, w in held.items()}, folder / name)

    return save


def maps(encoder: str, decoder: str) -> dict[str, str]:
    return {
        "W_enc": f"{encoder}__weight_T",
        "b_enc": f"{encoder}__bias",
        "W_dec": f"{decoder}__weight_T",
        "b_dec": f"{decoder}__bias",
    }


def gemma_npz(inside: str) -> Callable[[Any, Path], None]:
    def save(sae: Any, folder: Path) -> None:
        (folder / inside).mkdir(parents=True)
        weights = {name: w.numpy() for name, w in sae.state_dict().items()}
        np.savez(folder / inside / "params.npz", **weights)

    return save


def llama_scope(sae: Any, folder: Path) -> None:
    """Of the first age, its decoder's directions as long as 1, as they were published."""
    sae.W_dec.div_(sae.W_dec.norm(dim=1, keepdim=True))
    sae.threshold.fill_(0.4 * math.sqrt(D_IN) / NORM)
    weights = sae.state_dict()
    (folder / "checkpoints").mkdir()
    hook = f"blocks.{LAYER}.hook_resid_post"
    told = {
        "d_model": D_IN,
        "d_sae": D_SAE,
        "hook_point_in": hook,
        "hook_point_out": hook,
        "act_fn": "jumprelu",
        "jump_relu_threshold": 0.4,
        "norm_activation": "dataset-wise",
        "dataset_average_activation_norm": {"in": NORM, "out": NORM},
    }
    (folder / "hyperparams.json").write_text(json.dumps(told))
    save_file(_linear(weights), folder / "checkpoints" / "final.safetensors")


def llama_scope_r1(sae: Any, folder: Path) -> None:
    """Of the second."""
    sae.W_dec.div_(sae.W_dec.norm(dim=1, keepdim=True))
    weights = sae.state_dict()
    hook = f"blocks.{LAYER}.hook_resid_post"
    told = {
        "d_model": D_IN,
        "expansion_factor": D_SAE / D_IN,
        "hook_point_in": hook,
        "hook_point_out": hook,
        "act_fn": "jumprelu",
        "norm_activation": "dataset-wise",
    }
    (folder / "config.json").write_text(json.dumps(told))
    more = {
        "log_jumprelu_threshold": weights["threshold"].log(),
        f"dataset_average_activation_norm.{hook}": torch.tensor(NORM),
    }
    save_file(_linear(weights) | more, folder / "sae_weights.safetensors")


def _linear(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        "encoder.weight": weights["W_enc"].T.contiguous(),
        "encoder.bias": weights["b_enc"],
        "decoder.weight": weights["W_dec"].T.contiguous(),
        "decoder.bias": weights["b_dec"],
    }


def scaled(got: tuple[dict[str, Any], dict[str, Tensor], Any]) -> Any:
    """With the scale folded in, as `SAE.from_pretrained` does."""
    sae = lens(got)
    sae.fold_activation_norm_scaling_factor(math.sqrt(D_IN) / NORM)
    return sae


WIDE = {"cfg_overrides": {**SHAPE, "dtype": "float32", "device": "cpu"}}

CASES = {
    "gemma_scope/1, attention": published_case(
        "jumprelu",
        gemma_npz(GEMMA_ATTENTION),
        lambda: lens(
            loaders.gemma_2_sae_huggingface_loader(
                "google/gemma-scope-2b-pt-att", "layer_3/width_16k/average_l0_5", **WIDE
            )
        ),
    ),
    "gemma_scope/1, transcoder": published_case(
        "jumprelu_transcoder",
        gemma_npz(GEMMA_TRANSCODERS),
        lambda: lens(
            loaders.gemma_2_transcoder_huggingface_loader(
                "google/gemma-scope-2b-pt-transcoders",
                "layer_3/width_16k/average_l0_5",
                cfg_overrides={**SHAPE, "d_out": D_IN},
            )
        ),
        d_out=D_IN,
    ),
    "qwen_scope/TopK": published_case(
        "topk",
        pickled(
            f"layer{LAYER}.sae.pt", W_enc="W_enc_T", W_dec="W_dec_T", b_enc="b_enc", b_dec="b_dec"
        ),
        lambda: lens(
            loaders.qwen_scope_sae_huggingface_loader(
                f"Qwen/SAE-Res-Qwen3-1.7B-Base-W32K-L0_{K}", f"layer{LAYER}.sae.pt", **WIDE
            )
        ),
        k=K,
    ),
    "goodfire/ReLU": published_case(
        "standard",
        pickled("Llama-3.1-8B-Instruct-SAE-l19.pth", **maps("encoder_linear", "decoder_linear")),
        lambda: lens(
            loaders.get_goodfire_huggingface_loader(
                "Goodfire/Llama-3.1-8B-Instruct-SAE-l19",
                "Llama-3.1-8B-Instruct-SAE-l19.pth",
                **WIDE,
            )
        ),
    ),
    "qresearch/ReLU": published_case(
        "standard",
        pickled("DeepSeek-R1-Distill-Llama-8B-SAE-l19.pt", **maps("encoder", "decoder")),
        lambda: lens(
            loaders.deepseek_r1_sae_huggingface_loader(
                "qresearch/any", "DeepSeek-R1-Distill-Llama-8B-SAE-l19.pt", **WIDE
            )
        ),
    ),
    "llama_scope/1, read by SAELens": published_case(
        "jumprelu",
        llama_scope,
        lambda: scaled(loaders.llama_scope_sae_huggingface_loader("fnlp/any", "any", **WIDE)),
    ),
    "llama_scope/2, read by SAELens": published_case(
        "jumprelu",
        llama_scope_r1,
        lambda: scaled(
            loaders.llama_scope_r1_distill_sae_huggingface_loader("fnlp/any", "any", **WIDE)
        ),
    ),
}
