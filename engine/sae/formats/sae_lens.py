"""The layout of SAELens 6: `cfg.json` and `sae_weights.safetensors`. Importing it needs no torch.

    W_enc [d_in, d_sae]   W_dec [d_sae, d_in]   b_enc [d_sae]   b_dec [d_in]      (fp32)

    z = (x − b_dec) @ W_enc + b_enc,   acts = relu(the k largest of z),   x̂ = acts @ W_dec + b_dec

Two variants are read as well, and are the same autoencoder with other weights: without b_dec taken
from the input (`apply_b_dec_to_input`), and with z · ‖W_dec‖ to choose from
(`rescale_acts_by_decoder_norm`). What would change the input itself is refused.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from engine.errors import UserError
from engine.files import write_whole
from engine.model.site import parse_site
from engine.sae.config import SAEConfig
from engine.sae.formats.records import read_record, record_bytes

if TYPE_CHECKING:
    from torch import Tensor

    from engine.sae.architectures.topk import TopK

CONFIG = "cfg.json"
WEIGHTS = "sae_weights.safetensors"
VERSION = "6.54.12"
"""The SAELens whose layout this is."""


class Cfg(msgspec.Struct, frozen=True, kw_only=True):
    """`cfg.json` of a topk autoencoder; the defaults are those of SAELens."""

    architecture: str
    d_in: int
    d_sae: int
    k: int | None = None
    rescale_acts_by_decoder_norm: bool = False
    dtype: str = "float32"
    device: str = "cpu"
    apply_b_dec_to_input: bool = True
    normalize_activations: str = "none"
    reshape_activations: str = "none"
    metadata: dict[str, Any] = {}


def read_config(folder: Path) -> SAEConfig:
    """The configuration in `folder`. UserError naming the field that we can't follow."""
    cfg = _read(folder)
    try:
        return SAEConfig(architecture=cfg.architecture, d_in=cfg.d_in, d_sae=cfg.d_sae, k=cfg.k)
    except UserError as error:
        raise UserError(f"{folder / CONFIG} can't be understood: {error.what}") from error


def read_weights(folder: Path, config: SAEConfig) -> "dict[str, Tensor]":
    """The weights in `folder`, by the names that `TopK` gives them."""
    from engine.sae.formats.tensors import read_tensors

    cfg = _read(folder)
    d_in, d_sae = config.d_in, config.d_sae
    shapes = {"W_enc": (d_in, d_sae), "W_dec": (d_sae, d_in), "b_enc": (d_sae,), "b_dec": (d_in,)}
    read = read_tensors(folder / WEIGHTS, shapes)
    encoder, decoder, bias = read["W_enc"].T.contiguous(), read["W_dec"], read["b_enc"]
    if not cfg.apply_b_dec_to_input:
        bias = bias + encoder @ read["b_dec"]
    if cfg.rescale_acts_by_decoder_norm:
        norms = decoder.norm(dim=1).clamp_min(1e-30)
        encoder, decoder, bias = encoder * norms[:, None], decoder / norms[:, None], bias * norms
    return {
        "encoder": encoder,
        "decoder": decoder,
        "encoder_bias": bias,
        "decoder_bias": read["b_dec"],
    }


def write(sae: "TopK", folder: Path, *, model: str, site: str, context: int | None) -> None:
    """Write the two files of the layout into `folder`, saying what the autoencoder reads."""
    from engine.sae.formats.tensors import write_tensors

    config = sae.config
    cfg = Cfg(
        architecture=config.architecture,
        d_in=config.d_in,
        d_sae=config.d_sae,
        k=config.k,
        metadata={
            "sae_lens_version": VERSION,
            "training_architecture": config.architecture,
            "model_name": model,
            "hook_name": _hook_name(site),
            "context_size": context,
        },
    )
    write_whole(folder / CONFIG, record_bytes(cfg))
    weights = {
        "W_enc": sae.encoder.T,
        "W_dec": sae.decoder,
        "b_enc": sae.encoder_bias,
        "b_dec": sae.decoder_bias,
    }
    write_tensors(folder / WEIGHTS, weights)


def _hook_name(site: str) -> str:
    """A site in TransformerLens's spelling: `blocks.3.hook_resid_post`."""
    if not site:
        return ""
    parsed = parse_site(site)
    return f"blocks.{parsed.layer}.hook_{parsed.kind}"


def _read(folder: Path) -> Cfg:
    path = folder / CONFIG
    cfg = read_record(path, Cfg)
    if cfg.architecture != "topk":
        raise UserError(
            f"{path}: the architecture is {cfg.architecture!r}.", "Of SAELens's, topk can be read."
        )
    for name in ("normalize_activations", "reshape_activations"):
        if getattr(cfg, name) != "none":
            raise UserError(
                f"{path}: {name} is {getattr(cfg, name)!r}.", "Only 'none' can be read."
            )
    version = re.match(r"\d+", str(cfg.metadata.get("sae_lens_version", "")))
    if version is None or int(version[0]) < 6:
        raise UserError(
            f"{path}: metadata.sae_lens_version is missing, or below 6.",
            "Load it with SAELens and save it again.",
        )
    return cfg
