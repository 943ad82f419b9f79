"""The layouts of Gemma Scope 1 and 2, which Google published for Gemma 2 and 3.

1, `params.npz`:          W_enc [d_in, d_sae]   W_dec [d_sae, d_out]   b_enc   b_dec   threshold
2, `params.safetensors`:  w_enc [d_in, d_sae]   w_dec [d_sae, d_out]   b_enc   b_dec   threshold
                          and, of some transcoders, affine_skip_connection [d_in, d_out]

    z = x @ W_enc + b_enc,   acts = relu(z) · (z > threshold)
    x̂ = acts @ W_dec + b_dec (+ x @ affine_skip_connection)

SAEs read what leaves a layer (resid_post), what its MLP adds (mlp_out) and what enters the output
projection of its attention (attn_out, `attn_z` here). Transcoders write what the MLP adds; those of
2 read what the MLP is given, and those of 1 that before the gain of the norm in front of it, which
is in their encoder. Cross-layer transcoders and crosscoders are refused.

Beside 2 lies `config.json` as a rule; 1 has none. Then the folders' names tell the model, the place
and whether it is a transcoder, as in gemma-scope-2b-pt-res/layer_20/width_16k/average_l0_71 and
gemma-scope-2-1b-pt/resid_post/layer_13_width_16k_l0_medium; what they don't tell is unknown.

An SAE is written as 1; as 2 a transcoder, of which 1 couldn't be told from an SAE, and what comes
from a place in the model that only 2 can tell.
Importing this needs no torch.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from engine.errors import UserError
from engine.files import write_whole
from engine.model.site import SiteKind
from engine.sae.config import SAEConfig
from engine.sae.formats.gemma_scope_names import (
    REASONS,
    Origin,
    check_one_layer,
    full_model_name,
    origin_of,
)
from engine.sae.formats.hooks import site_of
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.records import (
    convert_record,
    naming_file,
    read_record,
    record_bytes,
)
from engine.sae.formats.unknown_fields import unknown_fields

if TYPE_CHECKING:
    from engine.sae.architectures.base import SparseAutoencoder
    from engine.sae.formats.tensors import Tensors
    from engine.sae.formats.weights import Names

CONFIG = "config.json"
FIRST, SECOND = "params.npz", "params.safetensors"
FILES = (FIRST, SECOND, CONFIG)
FORMAT = "gemma_scope"
SKIP = "affine_skip_connection"
_ARCHITECTURE = "jump_relu"

_NAMES = {
    "W_enc": "w_enc.T",
    "W_dec": "w_dec",
    "b_enc": "b_enc",
    "b_dec": "b_dec",
    "log_threshold": "threshold",
    "W_skip": f"{SKIP}.T",
}
NAMES = {
    FIRST: {ours: name.replace("w_", "W_") for ours, name in _NAMES.items()},
    SECOND: _NAMES,
}


_HOOKS: dict[SiteKind, str] = {
    "attn_z": "self_attn.o_proj.input",
    "mlp_in": "pre_feedforward_layernorm.output",
    "mlp_out": "post_feedforward_layernorm.output",
    "resid_post": "output",
}
"""What 2 calls a place, behind `model.layers.L.`."""


class _Config(msgspec.Struct, frozen=True, kw_only=True):
    """`config.json` of 2: the fields that matter."""

    architecture: str
    type: str | None = None
    width: int | None = None
    model_name: str = ""
    hf_hook_point_in: str = ""
    hf_hook_point_out: str | None = None
    affine_connection: bool | None = None
    l0: Any = None

    def __post_init__(self) -> None:
        if self.architecture != _ARCHITECTURE:
            raise UserError(f"architecture is {self.architecture!r}, not {_ARCHITECTURE!r}.")
        several = next((kind for kind in REASONS if kind in (self.type or "")), None)
        if several is not None:
            raise UserError(f"type is {self.type!r}, {REASONS[several]}.")
        if self.type not in (None, "sae", "transcoder"):
            raise UserError(f"type is {self.type!r}; sae and transcoder can be read.")

    @property
    def transcodes(self) -> bool:
        """Whether it predicts something else than it reads."""
        if self.type is not None:
            return self.type == "transcoder"
        return self.hf_hook_point_out not in (None, self.hf_hook_point_in)

    @property
    def fields_not_followed(self) -> dict[str, Any]:
        """The places that it names and that we have no site for."""
        origin = self.origin
        places = {
            "hf_hook_point_in": "" if origin.site else self.hf_hook_point_in,
            "hf_hook_point_out": "" if origin.target_site else self.hf_hook_point_out,
        }
        if not self.transcodes and origin.site:
            return {}
        return {name: place for name, place in places.items() if place}

    @property
    def origin(self) -> Origin:
        """Where it comes from."""
        return Origin(
            model=full_model_name(self.model_name) if self.model_name else "",
            site=site_of(self.hf_hook_point_in),
            target_site=site_of(self.hf_hook_point_out) if self.transcodes else "",
        )


def check(config: SAEConfig) -> None:
    """Raise UserError if Gemma Scope has nothing like it."""
    if config.architecture not in ("jumprelu", "relu"):
        raise UserError(f"Gemma Scope has jumprelu alone, and this is {config.architecture}.")
    if config.layer_norm:
        raise UserError("Gemma Scope does not normalise what it reads, and this SAE does.")


def read(folder: Path) -> tuple["SparseAutoencoder", SAEMetadata]:
    """The autoencoder in `folder`, for inference, and where it comes from."""
    from engine.sae.formats.algebra import to_centred
    from engine.sae.formats.tensors import read_npz, read_safetensors
    from engine.sae.formats.weights import assemble, from_library

    check_one_layer(folder.as_posix())
    if (folder / SECOND).exists():
        tensors, names = read_safetensors(folder / SECOND), NAMES[SECOND]
    else:
        tensors, names = read_npz(folder / FIRST), NAMES[FIRST]
    described, unknown = None, {}
    if tensors.path.name == SECOND and (folder / CONFIG).exists():
        content = read_record(folder / CONFIG, dict[str, Any])
        described = convert_record(content, _Config, folder / CONFIG)
        unknown = unknown_fields(content, _Config.__struct_fields__, folder / CONFIG)
    config = _config_of(tensors, names, described)
    weights = from_library(tensors, names, config)
    if not config.transcodes:
        weights = to_centred(weights)
    origin = described.origin if described else origin_of(folder)
    kept = described.fields_not_followed if described else {}
    metadata = SAEMetadata(
        model=origin.model,
        site=origin.site,
        target_site=origin.target_site,
        library_fields={FORMAT: kept} if kept else {},
        unknown_fields=unknown,
    )
    return assemble(config, weights), metadata


def write(sae: "SparseAutoencoder", folder: Path, metadata: SAEMetadata) -> None:
    """Write one of the two layouts into `folder`."""
    import torch

    from engine.sae.formats.algebra import from_centred
    from engine.sae.formats.tensors import write_npz, write_safetensors
    from engine.sae.formats.weights import THRESHOLD, to_library, weights_of

    config, weights = sae.config, weights_of(sae)
    if config.architecture == "relu":  # what is above 0 is active
        weights |= {THRESHOLD: torch.full((config.d_sae,), -torch.inf)}
    kept = metadata.library_fields.get(FORMAT, {})
    told_by_1 = metadata.site.partition(".")[0] in ("", "resid_pre", "resid_post", "mlp_out")
    if told_by_1 and not (config.transcodes or kept):
        write_npz(folder / FIRST, to_library(from_centred(weights), NAMES[FIRST]))
        return
    sites = {"in": metadata.site, "out": metadata.target_site or metadata.site}
    places = {f"hf_hook_point_{side}": _hook(site) for side, site in sites.items()}
    described = (
        {name: place for name, place in places.items() if place}
        | kept
        | {
            "architecture": _ARCHITECTURE,
            "type": "transcoder" if config.transcodes else "sae",
            "width": config.d_sae,
            "model_name": metadata.model,
            "affine_connection": config.skip,
        }
    )
    write_whole(folder / CONFIG, record_bytes(described))
    weights = weights if config.transcodes else from_centred(weights)
    write_safetensors(folder / SECOND, to_library(weights, NAMES[SECOND]))


def _hook(site: str) -> str:
    """A site as 2 spells it; empty for one that it has no place for."""
    kind, _, layer = site.partition(".")
    return next((f"model.layers.{layer}.{its}" for ours, its in _HOOKS.items() if ours == kind), "")


def _config_of(tensors: "Tensors", names: "Names", described: _Config | None) -> SAEConfig:
    d_in, d_sae = tensors.sizes(names["W_enc"].removesuffix(".T"), 2)
    _, d_out = tensors.sizes(names["W_dec"], 2)
    skip = SKIP in tensors.found
    if described is None:
        origin = origin_of(tensors.path.parent)
        transcodes = origin.transcodes or skip or d_out != d_in
    else:
        transcodes = described.transcodes
        skip = skip if described.affine_connection is None else described.affine_connection
    path = tensors.path.parent / CONFIG
    if described is not None and described.width not in (None, d_sae):
        raise UserError(f"{path}: width is {described.width}, but {tensors.path} has {d_sae}.")
    with naming_file(path):
        return SAEConfig(
            architecture="jumprelu",
            d_in=d_in,
            d_sae=d_sae,
            d_out=d_out if transcodes else None,
            skip=skip,
        )
