"""Good files of the kinds that are read and not written: as they were published."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file

D, N = 6, 20
HOOK = "blocks.2.hook_resid_post"


def weights(**shapes: tuple[int, ...]) -> Mapping[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {
        name.replace("__", "."): torch.randn(shape, generator=generator)
        for name, shape in shapes.items()
    }


def qwen_scope(folder: Path) -> None:
    held = weights(W_enc=(1024, D), W_dec=(D, 1024), b_enc=(1024,), b_dec=(D,))
    torch.save(held, folder / "layer2.sae.pt")


def goodfire(folder: Path) -> None:
    held = weights(
        encoder_linear__weight=(N, D),
        encoder_linear__bias=(N,),
        decoder_linear__weight=(D, N),
        decoder_linear__bias=(D,),
    )
    torch.save(held, folder / "Llama-3.1-8B-Instruct-SAE-l19.pth")


def circuit_tracer(folder: Path) -> None:
    held = weights(W_enc=(N, D), W_dec=(N, D), b_enc=(N,), b_dec=(D,), W_skip=(D, D))
    save_file(dict(held), folder / "layer_2.safetensors")
    (folder / "config.yaml").write_text(
        "model_name: lab/llama\nmodel_kind: transcoder_set\nfeature_input_hook: mlp.hook_in\n"
        "feature_output_hook: mlp.hook_out\nscan: [a, {b: 1}]\n"
    )


def llama_scope(folder: Path) -> None:
    """Of the first age."""
    (folder / "checkpoints").mkdir()
    save_file(dict(_linear()), folder / "checkpoints" / "final.safetensors")
    norms = {"in": 2.0, "out": 2.0}
    told = {"d_sae": N, "jump_relu_threshold": 0.2, "dataset_average_activation_norm": norms}
    (folder / "hyperparams.json").write_text(json.dumps(_DESCRIBED | told))


def llama_scope_r1(folder: Path) -> None:
    """Of the second."""
    held = dict(_linear()) | {
        "log_jumprelu_threshold": torch.zeros(N),
        f"dataset_average_activation_norm.{HOOK}": torch.tensor(2.0),
    }
    save_file(held, folder / "sae_weights.safetensors")
    (folder / "config.json").write_text(json.dumps(_DESCRIBED | {"expansion_factor": N / D}))


_DESCRIBED = {
    "d_model": D,
    "hook_point_in": HOOK,
    "hook_point_out": HOOK,
    "act_fn": "jumprelu",
    "norm_activation": "dataset-wise",
}


def _linear() -> Mapping[str, torch.Tensor]:
    return weights(
        encoder__weight=(N, D), encoder__bias=(N,), decoder__weight=(D, N), decoder__bias=(D,)
    )


WRITERS: dict[str, Callable[[Path], None]] = {
    "qwen_scope": qwen_scope,
    "goodfire": goodfire,
    "circuit_tracer": circuit_tracer,
    "llama_scope": llama_scope,
    "llama_scope/r1": llama_scope_r1,
}
