"""The layout of SAELens 6: `cfg.json` and `sae_weights.safetensors`. Importing it needs no torch.

Files of earlier ones are read, too: see `engine.sae.formats.sae_lens_before_6`.

    W_enc [d_in, d_sae]   W_dec [d_sae, d_out]   b_enc [d_sae]   b_dec [d_out]      (fp32)
    jumprelu: threshold [d_sae]     gated, for b_enc: b_gate, b_mag, r_mag [d_sae]
    skip transcoders: W_skip [d_out, d_in]

    z = (x − b_dec) @ W_enc + b_enc,   x̂ = acts @ W_dec + b_dec

    standard  acts = relu(z)              topk   acts = relu(the k largest of z)
    jumprelu  acts = relu(z) · (z > θ)    gated  as in `engine.sae.architectures.gated`

Transcoders encode x itself, as does any other with `apply_b_dec_to_input` false. A topk with
`rescale_acts_by_decoder_norm` chooses from z · ‖W_dec‖, and divides by it before decoding. With
`normalize_activations` "layer_norm", see `engine.sae.architectures.normalised`. With
"expected_average_only_in" it reads and writes scaled activations; the scale, which a checkpoint has
in `activation_scaler.json`, is folded into the weights as SAELens folds it, and where no file tells
it, that is refused, as other values are.

As SAELens does, we save batchtopk and matryoshka as jumprelu, with their one threshold for every
feature; `metadata` tells what was trained. An optional `sparsity.safetensors` is read by
`stated_figures` alone.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import UserError
from engine.files import write_whole
from engine.sae.config import SAEConfig
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.records import record_bytes
from engine.sae.formats.sae_lens_before_6 import SCALES, scale_of_decoded
from engine.sae.formats.sae_lens_cfg import (
    architecture_of,
    cfg_of,
    config_of,
    metadata_fields,
    read_cfg,
)

if TYPE_CHECKING:
    from engine.sae.architectures.base import SparseAutoencoder

CONFIG = "cfg.json"
WEIGHTS = "sae_weights.safetensors"
FILES = (CONFIG, WEIGHTS)

NAMES = {
    "W_enc": "W_enc.T",
    "W_dec": "W_dec",
    "b_enc": "b_enc",
    "b_dec": "b_dec",
    "log_threshold": "threshold",
    "b_gate": "b_gate",
    "b_mag": "b_mag",
    "r_mag": "r_mag",
    "W_skip": "W_skip",
}


def check(config: SAEConfig) -> None:
    """Raise UserError if SAELens has nothing like it."""
    if not architecture_of(config):
        kind = "transcoder" if config.transcodes else "SAE"
        raise UserError(f"SAELens has no {config.architecture} {kind}.")


def read_config(folder: Path) -> SAEConfig:
    """The configuration in `folder`. UserError naming the field that we can't follow."""
    return config_of(read_cfg(folder / CONFIG), folder / CONFIG)


def read_sae(folder: Path) -> "SparseAutoencoder":
    """The autoencoder in `folder`, for inference."""
    from engine.sae.formats.algebra import fold_decoder_norms, fold_scales, to_centred
    from engine.sae.formats.tensors import read_safetensors
    from engine.sae.formats.weights import assemble, from_library

    cfg = read_cfg(folder / CONFIG)
    config = config_of(cfg, folder / CONFIG)
    tensors = read_safetensors(folder / WEIGHTS)
    weights = from_library(tensors, NAMES, config, but=SCALES if cfg.before_6 else ())
    if cfg.before_6:
        factor = scale_of_decoded(tensors, config.d_sae, finetuned=cfg.finetuning_scaling_factor)
        if factor is not None:
            weights["W_dec"] = weights["W_dec"] * factor[:, None]
    if not (cfg.apply_b_dec_to_input or config.transcodes):
        weights = to_centred(weights)
    if cfg.rescale_acts_by_decoder_norm:
        weights = fold_decoder_norms(weights)
    if cfg.scale is not None:
        weights = fold_scales(weights, cfg.scale, cfg.scale)
    return assemble(config, weights)


def read(folder: Path) -> tuple["SparseAutoencoder", SAEMetadata]:
    """The autoencoder, and what its file tells of where it comes from."""
    cfg = folder / CONFIG
    return read_sae(folder), SAEMetadata(**metadata_fields(read_cfg(cfg), cfg))


def write(sae: "SparseAutoencoder", folder: Path, metadata: SAEMetadata) -> None:
    """Write the two files of the layout into `folder`. `sae` is at inference."""
    from engine.sae.formats.tensors import write_safetensors
    from engine.sae.formats.weights import to_library, weights_of

    write_whole(folder / CONFIG, record_bytes(cfg_of(sae.config, metadata)))
    write_safetensors(folder / WEIGHTS, to_library(weights_of(sae), NAMES))
