"""`cfg.json` of SAELens 6: what of it means what. Torch-free.

That of an earlier one is migrated first (`engine.sae.formats.sae_lens_before_6`).
"""

import itertools
import re
from pathlib import Path
from typing import Any

import msgspec

from engine.errors import UserError
from engine.sae.config import SAEConfig
from engine.sae.formats.hooks import lens_hook, site_of
from engine.sae.formats.left_out_fields import left_out_fields
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.records import (
    convert_record,
    count_or_none,
    fields_to_keep,
    naming_file,
    read_record,
    text_or_nothing,
)
from engine.sae.formats.sae_lens_before_6 import is_before_6, migrate
from engine.sae.formats.training_fields import TRAINING_FIELDS
from engine.sae.formats.unknown_fields import unknown_fields

VERSION = "6.54.12"
"""The SAELens whose layout this is."""

_ARCHITECTURES = {
    "standard": ("relu", False, False),
    "topk": ("topk", False, False),
    "jumprelu": ("jumprelu", False, False),
    "gated": ("gated", False, False),
    "transcoder": ("relu", True, False),
    "skip_transcoder": ("relu", True, True),
    "jumprelu_transcoder": ("jumprelu", True, False),
    "jumprelu_skip_transcoder": ("jumprelu", True, True),
}
"""Its architectures: ours, whether it is a transcoder, whether it has a skip connection."""
FORMAT = "sae_lens"
SCALER = "activation_scaler.json"
"""Beside a checkpoint of SAELens 6: by what activations were multiplied before it read them."""
_SCALED = "expected_average_only_in"
_TRAINED = {"batchtopk": "batchtopk", "matryoshka": "matryoshka_batchtopk"}
"""Ours to its, of those that are jumprelu when they are saved."""


class Cfg(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that matter; the defaults are those of SAELens.

    `reshape_activations` "hook_z" puts the heads of what enters an attention's output projection
    side by side, as `attn_z` has them.
    """

    architecture: str
    d_in: int
    d_sae: int
    d_out: int | None = None
    k: int | None = None
    rescale_acts_by_decoder_norm: bool = False
    apply_b_dec_to_input: bool = True
    normalize_activations: str = "none"
    reshape_activations: str = "none"
    finetuning_scaling_factor: bool = False
    """Of one before SAELens 6: whether a factor for each act stands before the decoder."""
    metadata: dict[str, Any] = {}
    before_6: bool = False
    """No field of the file, and neither is the next: whether an earlier SAELens wrote it."""
    scale: float | None = None
    """What it read in training was x times this, where a file beside it tells that."""
    unknown: dict[str, Any] = {}
    """What stands in the file and isn't known."""


KNOWN = TRAINING_FIELDS["sae_lens"].union(Cfg.__struct_fields__)
"""The fields of `cfg.json` that are followed, or concern training alone."""


class _Scaler(msgspec.Struct, frozen=True):
    scaling_factor: float | None = None
    has_whitening: bool = False


def read_cfg(path: Path) -> Cfg:
    """A `cfg.json` that can be followed. UserError naming the field that can't."""
    content = read_record(path, dict[str, Any])
    before_6 = is_before_6(content)
    known = TRAINING_FIELDS["sae_lens before 6"] if before_6 else KNOWN
    unknown = unknown_fields(content, known, path)
    if before_6:
        content = migrate(content, path)
    read = convert_record(content, Cfg, path)
    cfg = msgspec.structs.replace(
        read,
        before_6=before_6,
        scale=_scale(read, path),
        unknown=unknown,
    )
    saved = f" ({_saver(cfg)} saved it)" if before_6 else ""
    if cfg.architecture not in _ARCHITECTURES:
        raise UserError(
            f"{path}: the architecture is {cfg.architecture!r}{saved}.",
            f"Of SAELens's, these can be read: {', '.join(_ARCHITECTURES)}.",
        )
    _, transcodes, _ = _ARCHITECTURES[cfg.architecture]
    for name, readable in (
        ("normalize_activations", _normalisations(cfg, transcodes)),
        ("reshape_activations", ("none", "hook_z")),
        ("rescale_acts_by_decoder_norm", (False, cfg.architecture == "topk")),
        ("apply_b_dec_to_input", (not transcodes, False)),
    ):
        if getattr(cfg, name) not in readable:
            raise UserError(
                f"{path}: {name} is {getattr(cfg, name)!r}, which can't be followed for"
                f" {cfg.architecture}{saved}.",
                f"It can be {' or '.join(repr(value) for value in dict.fromkeys(readable))}.",
            )
    version = re.match(r"\d+", str(cfg.metadata.get("sae_lens_version", "")))
    if not before_6 and (version is None or int(version[0]) < 6):
        raise UserError(
            f"{path}: metadata.sae_lens_version is missing, or below 6.",
            "Load it with SAELens and save it again.",
        )
    return cfg


def _saver(cfg: Cfg) -> str:
    version = cfg.metadata.get("sae_lens_training_version")
    return f"SAELens {version}" if isinstance(version, str) else "a SAELens before 6"


def _normalisations(cfg: Cfg, transcodes: bool) -> tuple[str, ...]:
    """The values of `normalize_activations` that can be followed."""
    scaled = (_SCALED,) if cfg.scale is not None else ()
    return ("none", *scaled) if transcodes else ("none", "layer_norm", *scaled)


def _scale(cfg: Cfg, path: Path) -> float | None:
    """The factor of a checkpoint that was trained on scaled activations, where one is told."""
    beside = path.parent / SCALER
    if cfg.normalize_activations != _SCALED or not beside.is_file():
        return None
    scaler = read_record(beside, _Scaler)
    factor = scaler.scaling_factor
    if scaler.has_whitening or factor is None or not 1e-30 < factor < 1e30:
        raise UserError(f"{beside}: its scaling_factor is {factor}, which can't be followed.")
    return factor


def config_of(cfg: Cfg, path: Path) -> SAEConfig:
    """What it describes. UserError naming `path` if that can't be built."""
    ours, transcodes, skip = _ARCHITECTURES[cfg.architecture]
    if transcodes and cfg.d_out is None:
        raise UserError(f"{path}: d_out is missing.")
    with naming_file(path):
        return SAEConfig(
            architecture=ours,
            d_in=cfg.d_in,
            d_sae=cfg.d_sae,
            k=cfg.k if ours == "topk" else None,
            d_out=cfg.d_out if transcodes else None,
            skip=skip,
            layer_norm=cfg.normalize_activations == "layer_norm",
        )


def architecture_of(config: SAEConfig) -> str:
    """What SAELens calls this architecture at inference; empty if it has none like it."""
    ours = "jumprelu" if config.architecture in _TRAINED else config.architecture
    wanted = (ours, config.transcodes, config.skip)
    return next((name for name, kind in _ARCHITECTURES.items() if kind == wanted), "")


def metadata_fields(cfg: Cfg, path: Path) -> dict[str, Any]:
    """What it tells of where its autoencoder comes from, as fields of `SAEMetadata`."""
    rest = dict(cfg.metadata)
    model = text_or_nothing(rest.get("model_name"))
    whole = rest.get("hook_head_index") is None
    found: dict[str, Any] = {
        "model": model,
        "site": _first_site(rest, model, "hook_name", "hf_hook_name") if whole else "",
        "target_site": _first_site(rest, model, "hook_name_out", "hf_hook_name_out"),
        "context": count_or_none(rest.get("context_size")),
        "trained_as": _trained_as(cfg),
        "unknown_fields": cfg.unknown,
    }
    trained = rest.get("training_architecture") == cfg.architecture or found["trained_as"]
    for name, understood in (
        ("sae_lens_version", True),
        ("training_architecture", trained),
        ("training_architecture_details", trained),
        ("model_name", found["model"]),
        ("hook_name", found["site"]),
        ("hook_layer", found["site"]),
        ("hook_name_out", found["target_site"]),
        ("context_size", found["context"]),
    ):
        if understood:
            rest.pop(name, None)
    kept = fields_to_keep(rest, path)
    return found | {"library_fields": {FORMAT: kept} if kept else {}}


def _first_site(content: dict[str, Any], model: str, *names: str) -> str:
    """The site that the first of some fields tells which tells one."""
    return next(filter(None, (site_of(content.get(name), model) for name in names)), "")


def cfg_of(config: SAEConfig, metadata: SAEMetadata) -> dict[str, Any]:
    """The content of `cfg.json` for an autoencoder of this configuration at inference."""
    trained = metadata.trained_as or config
    cfg: dict[str, Any] = {
        "architecture": architecture_of(config),
        "d_in": config.d_in,
        "d_sae": config.d_sae,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": not config.transcodes,
        "normalize_activations": "layer_norm" if config.layer_norm else "none",
        "reshape_activations": "hook_z" if metadata.site.startswith("attn_z") else "none",
    }
    if config.transcodes:
        cfg["d_out"] = config.d_out
    if config.architecture == "topk":
        cfg |= {"k": config.k, "rescale_acts_by_decoder_norm": False}
    known = {
        "sae_lens_version": VERSION,
        "training_architecture": _TRAINED.get(trained.architecture) or architecture_of(trained),
        "training_architecture_details": _details(trained),
        "model_name": metadata.model,
        "hook_name": lens_hook(metadata.site),
        "hook_name_out": lens_hook(metadata.target_site),
        "context_size": metadata.context,
        **left_out_fields(FORMAT, metadata),
    }
    kept = metadata.library_fields.get(FORMAT, {})
    if metadata.trained_as is None and "training_architecture" in kept:
        del known["training_architecture"]  # one of SAELens's that we don't follow
    return cfg | {"metadata": kept | {name: value for name, value in known.items() if value}}


def _details(trained: SAEConfig) -> dict[str, Any]:
    if trained.architecture not in _TRAINED:
        return {}
    if trained.groups is None:
        return {"k": trained.k}
    return {"k": trained.k, "matryoshka_widths": list(itertools.accumulate(trained.groups))}


def _trained_as(cfg: Cfg) -> SAEConfig | None:
    """What was trained, if that isn't what was saved; None also where it isn't known in full."""
    ours = {its: ours for ours, its in _TRAINED.items()}
    details = cfg.metadata.get("training_architecture_details")
    architecture = ours.get(str(cfg.metadata.get("training_architecture")))
    if architecture is None or not isinstance(details, dict):
        return None
    _, transcodes, skip = _ARCHITECTURES[cfg.architecture]
    k, groups = details.get("k"), None
    try:
        if architecture == "matryoshka":
            widths = details["matryoshka_widths"]
            groups = [wide - narrow for narrow, wide in itertools.pairwise([0, *widths])]
        fields = {
            "architecture": architecture,
            "d_in": cfg.d_in,
            "d_sae": cfg.d_sae,
            "k": int(k) if isinstance(k, float) and k.is_integer() else k,
            "groups": groups,
            "d_out": cfg.d_out if transcodes else None,
            "skip": skip,
        }
        return msgspec.convert(fields, SAEConfig)
    except (KeyError, TypeError, UserError, msgspec.ValidationError):
        return None
