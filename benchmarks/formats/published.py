"""Autoencoders as they are published, made and run by the code that there is for them.

circuit-tracer and Llamascopium make, save, load and run their own. For what was published without a
library, SAELens's loaders are taken, and it is written here, as published.
"""

import json
import math
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import sae_lens
import torch
from sae_lens.loading import pretrained_sae_loaders as loaders
from safetensors.torch import save_file
from torch import Tensor

from benchmarks.formats.peer_case import Case, Seen, sae_lens_case
from benchmarks.formats.sizes import D_IN, D_SAE, K

SHAPE = {"d_in": D_IN, "d_sae": D_SAE}
LAYER = 3
GEMMA_TRANSCODERS = f"gemma-scope-2b-pt-transcoders/layer_{LAYER}/width_16k/average_l0_5"
GEMMA_ATTENTION = f"gemma-scope-2b-pt-att/layer_{LAYER}/width_16k/average_l0_5"
NORM, OTHER_NORM = 3.7, 2.1
"""Mean norms that activations are said to have, where they are read and elsewhere."""


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


# circuit-tracer ----------------------------------------------------------------------------------


def circuit_tracer_cases() -> dict[str, Case]:
    """Transcoders that it makes and saves, and Gemma Scope's, which it loads."""
    from circuit_tracer.transcoder import single_layer_transcoder as single
    from circuit_tracer.transcoder.activation_functions import JumpReLU, TopK

    def run(coder: Any, x: Tensor) -> Seen:
        return coder.encode(x), coder(x)

    def case(kind: str, *, skips: bool) -> Case:
        def activation() -> Any:
            match kind:
                case "jumprelu":
                    return JumpReLU(torch.zeros(D_SAE), 0.1)
                case "topk":
                    return TopK(K)
                case _:
                    return torch.nn.functional.relu

        def make() -> Any:
            cpu = torch.device("cpu")
            return single.SingleLayerTranscoder(
                D_IN, D_SAE, activation(), LAYER, skips, device=cpu, dtype=torch.float32
            )

        def save(coder: Any, folder: Path) -> None:
            folder.mkdir(parents=True)
            coder.to_safetensors(str(folder / f"layer_{LAYER}.safetensors"))
            (folder / "config.yaml").write_text(
                "model_name: Qwen/Qwen3-1.7B\nmodel_kind: transcoder_set\n"
                "feature_input_hook: mlp.hook_in\nfeature_output_hook: mlp.hook_out\n"
            )

        def load(folder: Path) -> Any:
            path = str(folder / f"layer_{LAYER}.safetensors")
            coder = single.load_relu_transcoder(
                path, LAYER, torch.device("cpu"), lazy_encoder=False, lazy_decoder=False
            )
            if kind == "topk":
                coder.activation_function = TopK(K)
            return coder

        return Case(make, save, load, run)

    def gemma(kind: str, of: Case) -> Case:
        def load(folder: Path) -> Any:
            if kind == "1":
                path = next(folder.rglob("params.npz"))
                return single.load_gemma_scope_transcoder(str(path), LAYER, torch.device("cpu"))
            path = next(folder.rglob("params.safetensors"))
            return single.load_gemma_scope_2_transcoder(str(path), LAYER, torch.device("cpu"))

        return Case(of.make, of.save, load, run)

    return {
        "circuit_tracer/ReLU": case("relu", skips=False),
        "circuit_tracer/ReLU, skip": case("relu", skips=True),
        "circuit_tracer/JumpReLU": case("jumprelu", skips=False),
        "circuit_tracer/JumpReLU, skip": case("jumprelu", skips=True),
        "circuit_tracer/TopK": case("topk", skips=False),
        "gemma_scope/1, transcoder, read by circuit-tracer": gemma(
            "1", CASES["gemma_scope/1, transcoder"]
        ),
        "gemma_scope/2, affine transcoder, read by circuit-tracer": gemma("2", _affine()),
    }


def _affine() -> Case:
    """A transcoder of Gemma Scope 2 as wide as its model."""
    plain = sae_lens_case("jumprelu_skip_transcoder", apply_b_dec_to_input=False, d_out=D_IN)

    def save(sae: Any, folder: Path) -> None:
        inside = (
            folder / "gemma-scope-2-1b-pt" / "transcoder_all" / "layer_3_width_16k_l0_small_affine"
        )
        inside.mkdir(parents=True)
        named = {name.replace("W_", "w_"): w.contiguous() for name, w in sae.state_dict().items()}
        named["affine_skip_connection"] = named.pop("w_skip").T.contiguous()
        save_file(named, inside / "params.safetensors")

    return Case(plain.make, save, plain.load, plain.run)


# Llamascopium ------------------------------------------------------------------------------------


def llamascopium_cases() -> dict[str, Case]:
    """SAEs that it makes and saves, its scale folded in or not.

    Its acts become ours by the lengths of what features write, and in its inference mode by the
    scale of what is written: see `engine.sae.formats.llama_scope`.
    """
    from llamascopium.models.sae import SAEConfig, SparseAutoEncoder

    hook = f"blocks.{LAYER}.hook_resid_post"
    out = f"blocks.{LAYER}.hook_mlp_out"

    def case(act_fn: str, *, transcodes: bool, included: bool = True) -> Case:
        def make() -> Any:
            cfg = SAEConfig(
                hook_point_in=hook,
                hook_point_out=out if transcodes else hook,
                d_model=D_IN,
                expansion_factor=D_SAE / D_IN,
                act_fn=act_fn,
                top_k=K,
                sparsity_include_decoder_norm=included,
                device="cpu",
                dtype=torch.float32,
            )
            sae = SparseAutoEncoder(cfg)
            sae.set_dataset_average_activation_norm(
                {hook: NORM} | ({out: 2.1} if transcodes else {})
            )
            return sae

        def save(sae: Any, folder: Path) -> None:
            folder.mkdir(parents=True)
            if (
                act_fn == "jumprelu"
            ):  # what was drawn is about a threshold, and its logarithm wanted
                sae.activation_function.log_jumprelu_threshold.log_()
            sae.save_pretrained(folder)
            sae.cfg.save_hyperparameters(folder)

        def load(folder: Path) -> Any:
            return SparseAutoEncoder.from_pretrained(str(folder))

        def run(sae: Any, x: Tensor) -> Seen:
            read = x * (math.sqrt(D_IN) / NORM)
            written = math.sqrt(D_IN) / (OTHER_NORM if transcodes else NORM)
            acts = sae.encode(read)
            lengths = sae.decoder_norm() if included else 1.0
            return acts * lengths, sae.decode(acts) / written

        return Case(make, save, load, run)

    return {
        "llama_scope/3, jumprelu": case("jumprelu", transcodes=False),
        "llama_scope/3, jumprelu transcoder": case("jumprelu", transcodes=True),
        "llama_scope/3, jumprelu without lengths": case(
            "jumprelu", transcodes=False, included=False
        ),
        "llama_scope/3, topk": case("topk", transcodes=False),
        "llama_scope/3, relu transcoder": case("relu", transcodes=True),
    }


if find_spec("circuit_tracer") is not None:
    CASES |= circuit_tracer_cases()
if find_spec("llamascopium") is not None:
    CASES |= llamascopium_cases()
