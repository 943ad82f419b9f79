"""`cfg.json` of SAELens 6: what of it means what. Torch-free."""

import itertools
import re
from pathlib import Path
from typing import Any

import msgspec

from engine.errors import UserError
from engine.sae.config import SAEConfig
from engine.sae.formats.hooks import lens_hook, site_of
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.records import naming_file, read_record

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
_TRAINED = {"batchtopk": "batchtopk", "matryoshka": "matryoshka_batchtopk"}
"""Ours to its, of those that are jumprelu when they are saved."""


class Cfg(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that matter; the defaults are those of SAELens, which ignores unknown ones."""

    architecture: str
    d_in: int
    d_sae: int
    d_out: int | None = None
    k: int | None = None
    rescale_acts_by_decoder_norm: bool = False
    apply_b_dec_to_input: bool = True
    normalize_activations: str = "none"
    reshape_activations: str = "none"
    metadata: dict[str, Any] = {}


def read_cfg(path: Path) -> Cfg:
    """A `cfg.json` that can be followed. UserError naming the field that can't."""
    cfg = read_record(path, Cfg)
    if cfg.architecture not in _ARCHITECTURES:
        raise UserError(
            f"{path}: the architecture is {cfg.architecture!r}.",
            f"Of SAELens's, these can be read: {', '.join(_ARCHITECTURES)}.",
        )
    _, transcodes, _ = _ARCHITECTURES[cfg.architecture]
    for name, readable in (
        ("normalize_activations", ("none",) if transcodes else ("none", "layer_norm")),
        ("reshape_activations", ("none",)),
        ("rescale_acts_by_decoder_norm", (False, cfg.architecture == "topk")),
        ("apply_b_dec_to_input", (not transcodes, False)),
    ):
        if getattr(cfg, name) not in readable:
            raise UserError(
                f"{path}: {name} is {getattr(cfg, name)!r}, which can't be followed for"
                f" {cfg.architecture}.",
                f"It can be {' or '.join(repr(value) for value in dict.fromkeys(readable))}.",
            )
    version = re.match(r"\d+", str(cfg.metadata.get("sae_lens_version", "")))
    if version is None or int(version[0]) < 6:
        raise UserError(
            f"{path}: metadata.sae_lens_version is missing, or below 6.",
            "Load it with SAELens and save it again.",
        )
    return cfg


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


def metadata_fields(cfg: Cfg) -> dict[str, Any]:
    """What it tells of where its autoencoder comes from, as fields of `SAEMetadata`."""
    model, context = cfg.metadata.get("model_name"), cfg.metadata.get("context_size")
    return {
        "model": model if isinstance(model, str) else "",
        "site": site_of(cfg.metadata.get("hook_name")),
        "target_site": site_of(cfg.metadata.get("hook_name_out")),
        "context": context if isinstance(context, int) else None,
        "trained_as": _trained_as(cfg),
    }


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
        "reshape_activations": "none",
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
    }
    return cfg | {"metadata": {name: value for name, value in known.items() if value}}


def _details(trained: SAEConfig) -> dict[str, Any]:
    if trained.architecture not in _TRAINED:
        return {}
    if trained.groups is None:
        return {"k": trained.k}
    return {"k": trained.k, "matryoshka_widths": list(itertools.accumulate(trained.groups))}


def _trained_as(cfg: Cfg) -> SAEConfig | None:
    """What was trained, if that isn't what was saved; None also where it isn't told in full."""
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
