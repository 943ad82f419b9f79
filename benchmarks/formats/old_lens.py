"""What an older SAELens saves, and what it makes of it itself.

    PYTHONPATH=VERSION_FOLDER python -m benchmarks.formats.old_lens FOLDER VERSION

Started by the command for each version in a folder of versions; `FOLDER/x.pt` holds vectors. Writes
as `benchmarks.formats.peers` does, to `theirs/sae_lens VERSION/CASE`.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.formats.sizes import D_IN, D_SAE, THRESHOLD, K


def draw(weights: dict[str, Tensor], seed: int) -> None:
    """Give every weight a random value, of a size at which some features are active."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in weights.items():
        noise = torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype)
        if "threshold" in name:
            tensor.copy_(THRESHOLD + 0.1 * noise.clamp(-2, 2))
        elif "scaling_factor" not in name:
            tensor.copy_(noise / (6 if tensor.ndim > 1 else 3))


COMMON = {
    "d_in": D_IN,
    "d_sae": D_SAE,
    "activation_fn_str": "relu",
    "apply_b_dec_to_input": True,
    "finetuning_scaling_factor": False,
    "context_size": 128,
    "model_name": "gpt2-small",
    "hook_name": "blocks.3.hook_resid_pre",
    "hook_layer": 3,
    "hook_head_index": None,
    "prepend_bos": True,
    "dataset_path": "any",
    "dataset_trust_remote_code": True,
    "normalize_activations": "none",
    "dtype": "float32",
    "device": "cpu",
}


def later(version: str) -> dict[str, Callable[[], Any]]:
    """Of SAELens 3 to 5."""
    import sae_lens

    def make(**changes: Any) -> Callable[[], Any]:
        told = COMMON | {"sae_lens_training_version": version} | changes
        return lambda: sae_lens.SAE(sae_lens.SAEConfig(**told))

    topk = {"activation_fn_str": "topk", "activation_fn_kwargs": {"k": K}}
    kinds = {
        "standard": make(architecture="standard"),
        "gated": make(architecture="gated"),
        "jumprelu": make(architecture="jumprelu", apply_b_dec_to_input=False),
        "standard with topk": make(architecture="standard", **topk),
    }
    if int(version.split(".", maxsplit=1)[0]) >= 4:
        kinds["topk"] = make(architecture="topk", **topk)
    return kinds


def second(_: str) -> dict[str, Callable[[], Any]]:
    """Of SAELens 2, whose autoencoder has the configuration of a whole run."""
    import wandb
    from sae_lens.training.config import LanguageModelSAERunnerConfig
    from sae_lens.training.sparse_autoencoder import SparseAutoencoder

    wandb.util.generate_id = lambda: "none"  # newer ones have it elsewhere; nothing is logged

    def make() -> Any:
        cfg = LanguageModelSAERunnerConfig(
            model_name="gpt2-small",
            hook_point="blocks.3.hook_resid_pre",
            hook_point_layer=3,
            d_in=D_IN,
            expansion_factor=5,
            log_to_wandb=False,
            device="cpu",
            dtype=torch.float32,
        )
        return SparseAutoencoder(cfg)

    return {"standard": make}


@torch.no_grad()
def main(folder: Path, version: str) -> None:
    x = torch.load(folder / "x.pt")
    kinds = second(version) if version.startswith("2.") else later(version)
    for seed, (name, make) in enumerate(kinds.items()):
        sae = make()
        draw(sae.state_dict(), seed)
        theirs = folder / "theirs" / f"sae_lens {version}" / name
        theirs.mkdir(parents=True)
        sae.save_model(str(theirs))
        acts = sae.encode(x)
        torch.save((acts, sae.decode(acts)), f"{theirs}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
