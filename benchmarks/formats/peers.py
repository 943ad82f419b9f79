"""The other libraries' side: what each saves, and what it makes of ours.

    python -m benchmarks.formats.peers FOLDER [MODEL_PY]

Started by the command in the environment of the libraries, which knows nothing of ours.
FOLDER holds x.pt, vectors [n, d_in], and in `ours/CASE` an autoencoder for each case, from us. This
writes one of the library's own, with random weights, to `theirs/CASE`; and for each of the two what
the library itself makes of x, acts and what they are decoded to, to `theirs/CASE.pt` and
`ours/CASE.pt`. Every autoencoder is made, saved, loaded and run by the library's own code. Where a
library has none that saves (Gemma Scope, whose loader is SAELens's), it is written here, as
published.

MODEL_PY is the file sparse_autoencoder/model.py of github.com/openai/sparse_autoencoder, which no
package index has; without it those cases are left out.
"""

import importlib.util
import json
import sys
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import sae_lens
import torch
from dictionary_learning import dictionary
from dictionary_learning.trainers.batch_top_k import BatchTopKSAE
from dictionary_learning.trainers.matryoshka_batch_top_k import MatryoshkaBatchTopKSAE
from dictionary_learning.trainers.top_k import AutoEncoderTopK
from dictionary_learning.utils import load_dictionary
from sae_lens.loading import pretrained_sae_loaders as loaders
from safetensors.torch import load_file, save_file
from sparsify import SparseCoder, SparseCoderConfig
from torch import Tensor

from benchmarks.formats import published
from benchmarks.formats.peer_case import Case, Seen, draw, sae_lens_case
from benchmarks.formats.sizes import D_IN, D_OUT, D_SAE, GROUPS, K

# SAELens ---------------------------------------------------------------------------------------


def sae_lens_trained_case(architecture: str, **settings: Any) -> Case:
    """One that is saved as another architecture than it is trained as, and then run as that."""
    kind, config = sae_lens.registry.get_sae_training_class(architecture)
    case = sae_lens_case("jumprelu")
    return Case(
        make=lambda: kind(config(d_in=D_IN, d_sae=D_SAE, **settings)),
        save=lambda sae, folder: sae.save_inference_model(folder),
        load=case.load,
        run=case.run,
    )


def transcoder_case(architecture: str) -> Case:
    return sae_lens_case(architecture, d_out=D_OUT, apply_b_dec_to_input=False)


# sparsify --------------------------------------------------------------------------------------


def sparsify_case(**settings: Any) -> Case:
    def run(coder: SparseCoder, x: Tensor) -> Seen:
        acts, features, _ = coder.encode(x)
        dense = torch.zeros(len(x), coder.num_latents).scatter_(-1, features, acts)
        return dense, coder(x).sae_out

    return Case(
        make=lambda: SparseCoder(D_IN, SparseCoderConfig(k=K, **settings)),
        save=lambda coder, folder: coder.save_to_disk(folder),
        load=SparseCoder.load_from_disk,
        run=run,
    )


# dictionary_learning ---------------------------------------------------------------------------


def dictionary_case(kind: type, *more: Any) -> Case:
    def save(ae: Any, folder: Path) -> None:
        """As `trainSAE` does."""
        trainer = {"dict_class": kind.__name__, "activation_dim": D_IN, "dict_size": D_SAE}
        if more:
            trainer["k"] = K
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(json.dumps({"trainer": trainer}))
        torch.save(ae.state_dict(), folder / "ae.pt")

    return Case(
        make=lambda: kind(D_IN, D_SAE, *more),
        save=save,
        load=lambda folder: load_dictionary(str(folder), device="cpu")[0],
        run=lambda ae, x: (ae.encode(x), ae(x)),
    )


# Gemma Scope, read by SAELens's loaders ----------------------------------------------------------

FIRST = ("google/gemma-scope-2b-pt-res", "layer_3/width_16k/average_l0_5")
SECOND = ("google/gemma-scope-2-1b-pt", "{}/layer_3_width_16k_l0_small")


def gemma_case(kind: str) -> Case:
    """`first` and `second` are SAEs, the others transcoders of the second."""
    architecture = {
        "first": "jumprelu",
        "second": "jumprelu",
        "transcoder": "jumprelu_transcoder",
        "affine": "jumprelu_skip_transcoder",
    }[kind]
    transcodes = kind in ("transcoder", "affine")
    widths = {"d_out": D_OUT} if transcodes else {}
    plain = sae_lens_case(architecture, apply_b_dec_to_input=False, **widths)

    def save(sae: Any, folder: Path) -> None:
        folder.mkdir(parents=True)
        weights = sae.state_dict()
        if kind == "first":
            np.savez(folder / "params.npz", **{name: w.numpy() for name, w in weights.items()})
            return
        named = {name.replace("W_", "w_"): w.contiguous() for name, w in weights.items()}
        if "w_skip" in named:
            named["affine_skip_connection"] = named.pop("w_skip").T.contiguous()
        save_file(named, folder / "params.safetensors")
        place = "model.layers.3.output"
        config = {
            "hf_hook_point_in": place,
            "hf_hook_point_out": "model.layers.3.mlp.output" if transcodes else place,
            "width": D_SAE,
            "model_name": "google/gemma-3-1b-pt",
            "architecture": "jump_relu",
            "l0": 20,
            "affine_connection": kind == "affine",
            "type": "transcoder" if transcodes else "sae",
        }
        (folder / "config.json").write_text(json.dumps(config))

    def load(folder: Path) -> Any:
        loaders.hf_hub_download = lambda repo_id, filename, **_: str(folder / Path(filename).name)
        loaders.get_safetensors_tensor_shapes = lambda repo_id, filename: {
            name: list(w.shape) for name, w in load_file(folder / Path(filename).name).items()
        }
        if kind == "first":
            shape = {"d_in": D_IN, "d_sae": D_SAE}
            got = loaders.gemma_2_sae_huggingface_loader(*FIRST, cfg_overrides=shape)
        else:
            repository, where = SECOND
            where = where.format("transcoder" if transcodes else "resid_post")
            got = loaders.gemma_3_sae_huggingface_loader(repository, where)
        cfg, weights, _ = got
        kind_, config = sae_lens.registry.get_sae_class(cfg["architecture"])
        sae = kind_(config.from_dict(loaders.handle_config_defaulting(cfg)))
        sae.load_state_dict(weights)
        return sae

    return Case(make=plain.make, save=save, load=load, run=plain.run)


# OpenAI ----------------------------------------------------------------------------------------


def openai_cases(model_py: str) -> dict[str, Case]:
    spec = importlib.util.spec_from_file_location("openai_model", model_py)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def case(make: Callable[[], Any]) -> Case:
        def save(ae: Any, folder: Path) -> None:
            folder.mkdir(parents=True)
            torch.save(ae.state_dict(), folder / "autoencoder.pt")

        def load(folder: Path) -> Any:
            state = torch.load(folder / "autoencoder.pt")
            # its state_dict() holds k twice, which its loader doesn't forgive unless it is told to
            return module.Autoencoder.from_state_dict(state, strict="activation.k" not in state)

        def run(ae: Any, x: Tensor) -> Seen:
            acts, info = ae.encode(x)
            return acts, ae.decode(acts, info)

        return Case(make, save, load, run)

    topk = module.TopK(K)
    return {
        "openai/TopK": case(lambda: module.Autoencoder(D_SAE, D_IN, topk, normalize=True)),
        "openai/ReLU": case(lambda: module.Autoencoder(D_SAE, D_IN)),
    }


LIBRARIES = {
    "sae-lens": "sae_lens",
    "eai-sparsify": "sparsify",
    "dictionary-learning": "dictionary_learning",
    "circuit-tracer": "circuit_tracer",
    "llamascopium": "llamascopium",
    "torch": "torch",
}
"""Packages, and what they are imported as; the fourth and the fifth may be missing."""

CASES = {
    "sae_lens/standard": sae_lens_case("standard"),
    "sae_lens/topk": sae_lens_case("topk", k=K),
    "sae_lens/topk, rescaled": sae_lens_case("topk", k=K, rescale_acts_by_decoder_norm=True),
    "sae_lens/topk, layer_norm": sae_lens_case("topk", k=K, normalize_activations="layer_norm"),
    "sae_lens/jumprelu": sae_lens_case("jumprelu"),
    "sae_lens/jumprelu, uncentred": sae_lens_case("jumprelu", apply_b_dec_to_input=False),
    "sae_lens/gated": sae_lens_case("gated"),
    "sae_lens/gated, uncentred": sae_lens_case("gated", apply_b_dec_to_input=False),
    "sae_lens/batchtopk": sae_lens_trained_case("batchtopk", k=K),
    "sae_lens/matryoshka_batchtopk": sae_lens_trained_case(
        "matryoshka_batchtopk", k=K, matryoshka_widths=list(accumulate(GROUPS))
    ),
    "sae_lens/transcoder": transcoder_case("transcoder"),
    "sae_lens/skip_transcoder": transcoder_case("skip_transcoder"),
    "sae_lens/jumprelu_transcoder": transcoder_case("jumprelu_transcoder"),
    "sae_lens/jumprelu_skip_transcoder": transcoder_case("jumprelu_skip_transcoder"),
    "sparsify/SAE": sparsify_case(num_latents=D_SAE),
    "sparsify/SAE, expansion_factor": sparsify_case(expansion_factor=6),
    "sparsify/transcoder": sparsify_case(num_latents=D_SAE, transcode=True),
    "sparsify/skip transcoder of EleutherAI": sparsify_case(
        num_latents=D_SAE, skip_connection=True
    ),
    "sparsify/skip transcoder": sparsify_case(
        num_latents=D_SAE, transcode=True, skip_connection=True
    ),
    "dictionary_learning/AutoEncoder": dictionary_case(dictionary.AutoEncoder),
    "dictionary_learning/AutoEncoderNew": dictionary_case(dictionary.AutoEncoderNew),
    "dictionary_learning/AutoEncoderTopK": dictionary_case(AutoEncoderTopK, K),
    "dictionary_learning/BatchTopKSAE": dictionary_case(BatchTopKSAE, K),
    "dictionary_learning/MatryoshkaBatchTopKSAE": dictionary_case(
        MatryoshkaBatchTopKSAE, K, list(GROUPS)
    ),
    "dictionary_learning/JumpReluAutoEncoder": dictionary_case(dictionary.JumpReluAutoEncoder),
    "dictionary_learning/GatedAutoEncoder": dictionary_case(dictionary.GatedAutoEncoder),
    "gemma_scope/1": gemma_case("first"),
    "gemma_scope/2": gemma_case("second"),
    "gemma_scope/2, transcoder": gemma_case("transcoder"),
    "gemma_scope/2, affine transcoder": gemma_case("affine"),
} | published.CASES


@torch.no_grad()
def main(folder: Path, *model_py: str) -> None:
    """Every case, both ways."""
    x = torch.load(folder / "x.pt")
    cases = CASES | (openai_cases(*model_py) if model_py else {})
    for seed, (name, case) in enumerate(cases.items()):
        made = case.make()
        draw(made, seed)
        theirs = folder / "theirs" / name
        case.save(made, theirs)
        torch.save(case.run(case.load(theirs), x), f"{theirs}.pt")
        ours = folder / "ours" / name
        if ours.exists():
            torch.save(case.run(case.load(ours), x), f"{ours}.pt")
    versions = {name: version(name) for name in LIBRARIES if find_spec(LIBRARIES[name])}
    (folder / "versions.json").write_text(json.dumps(versions))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
