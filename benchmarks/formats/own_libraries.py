"""circuit-tracer and Llamascopium, where they are there: they make, save and run their own."""

import math
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from benchmarks.formats import published
from benchmarks.formats.peer_case import Case, Seen, sae_lens_case
from benchmarks.formats.published import LAYER, NORM
from benchmarks.formats.sizes import D_IN, D_SAE, K

OTHER_NORM = 2.1
"""Mean norm that activations are said to have where a transcoder writes."""


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
            "1", published.CASES["gemma_scope/1, transcoder"]
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
                {hook: NORM} | ({out: OTHER_NORM} if transcodes else {})
            )
            return sae

        def save(sae: Any, folder: Path) -> None:
            folder.mkdir(parents=True)
            if act_fn == "jumprelu":  # a threshold was drawn, and its logarithm is wanted
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


CASES: dict[str, Case] = {}
if find_spec("circuit_tracer") is not None:
    CASES |= circuit_tracer_cases()
if find_spec("llamascopium") is not None:
    CASES |= llamascopium_cases()
