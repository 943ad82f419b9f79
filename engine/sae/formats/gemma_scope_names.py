"""What the names of Gemma Scope's repositories and folders say. Torch-free."""

import re
from pathlib import Path

import msgspec

_FIRST = re.compile(
    r"gemma-scope-(?P<size>2b|9b|27b)-(?P<tuning>pt|it)-(?P<kind>res|mlp|att|transcoders)\b"
)
_SECOND = re.compile(r"gemma-scope-2-(?P<size>\w+)-(?P<tuning>pt|it)\b")
_KIND = re.compile(r"/(?P<kind>resid_post|mlp_out|attn_out|transcoder)(?:_all)?/")
_LAYER = re.compile(r"layer_(\d{1,4})(?!\d)")
_SITES = {"res": "resid_post", "resid_post": "resid_post", "mlp": "mlp_out", "mlp_out": "mlp_out"}
"""Its attention SAEs read what enters the output projection, which we have no site for."""
_TRANSCODERS = ("transcoders", "transcoder")


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
