"""What the names of Gemma Scope's repositories and folders say. Torch-free."""

import re
from pathlib import Path

import msgspec

from engine.errors import UserError

_FIRST = re.compile(
    r"gemma-scope-(?P<size>2b|9b|27b)-(?P<tuning>pt|it)-(?P<kind>res|mlp|att|transcoders)\b"
)
_SECOND = re.compile(r"gemma-scope-2-(?P<size>\w+)-(?P<tuning>pt|it)\b")
_KIND = re.compile(r"/(?P<kind>resid_post|mlp_out|attn_out|transcoder)(?:_all)?/")
_LAYER = re.compile(r"layer_(\d{1,4})(?!\d)")
_SITES = {
    "res": "resid_post",
    "resid_post": "resid_post",
    "mlp": "mlp_out",
    "mlp_out": "mlp_out",
    # what enters the output projection, whatever it is called
    "att": "attn_z",
    "attn_out": "attn_z",
    # of 1 the gain of the norm before the MLP is in the encoder
    "transcoders": "mlp_in_unscaled",
    "transcoder": "mlp_in",
}
_TRANSCODERS = ("transcoders", "transcoder")
_SEVERAL_LAYERS = re.compile(r"/(?P<kind>clt|crosscoder)[^/]*(/|$)")
REASONS = {
    "clt": "a cross-layer transcoder: it reads at one layer and writes at all later ones",
    "crosscoder": "a weakly causal crosscoder: it reads and writes at four layers at once",
}
"""Why the kinds that concern several layers are not read; what is scanned, clamped and evaluated
here is one site."""


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where an SAE of Gemma Scope comes from; empty where that isn't known."""

    model: str = ""
    site: str = ""
    target_site: str = ""
    transcodes: bool = False


def origin_of(folder: Path) -> Origin:
    """Where the SAE in a folder comes from, by its path, if it lies as its repository has it."""
    path = f"{folder.as_posix()}/"
    first, second = _FIRST.search(path), _SECOND.search(path)
    if first is not None:
        tuning = "-it" if first["tuning"] == "it" else ""
        return _origin(f"google/gemma-2-{first['size']}{tuning}", first["kind"], path)
    if second is not None:
        kind = _KIND.search(path)
        model = full_model_name(f"gemma-3-{second['size']}-{second['tuning']}")
        return _origin(model, kind["kind"] if kind else "", path)
    return Origin()


def check_one_layer(path: str) -> None:
    """Raise UserError for a path in Gemma Scope 2 by which an autoencoder concerns several
    layers."""
    found = _SEVERAL_LAYERS.search(f"/{path}") if _SECOND.search(path) else None
    if found is not None:
        raise UserError(
            f"{path} is {REASONS[found['kind']]}, and what is scanned, clamped and evaluated here"
            " is one site.",
            "Its SAEs and transcoders of one layer are read.",
        )


def full_model_name(name: str) -> str:
    """A model as Gemma Scope 2 names it, by its id on the hub."""
    name = name if "/" in name else f"google/{name}"
    name = name.replace("gemma-v3", "gemma-3")
    # the smallest is the one whose id doesn't say that it is only pretrained
    return name.removesuffix("-pt") if "270m" in name else name


def _origin(model: str, kind: str, path: str) -> Origin:
    layers = _LAYER.findall(path)
    site = f"{_SITES[kind]}.{int(layers[-1])}" if layers and kind in _SITES else ""
    transcodes = kind in _TRANSCODERS
    target = f"mlp_out.{int(layers[-1])}" if layers and transcodes else ""
    return Origin(model=model, site=site, target_site=target, transcodes=transcodes)
