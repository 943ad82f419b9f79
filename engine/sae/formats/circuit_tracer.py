"""The layout of circuit-tracer 0.5's transcoder sets: `config.yaml` and `layer_12.safetensors`, …

    W_enc [d_sae, d_in]   W_dec [d_sae, d_out]   b_enc [d_sae]   b_dec [d_out]
    where it is a JumpReLU: activation_function.threshold [d_sae];   skipping: W_skip [d_out, d_in]

    z = x @ W_encᵀ + b_enc,   x̂ = acts @ W_dec + b_dec (+ x @ W_skipᵀ)

    acts = relu(z) · (z > threshold) with a threshold, relu(z) without; with `activation: topk` in
    the configuration, or where k is stated, the k largest of relu(z)

(circuit-tracer's own top-k keeps what is below 0, too, where a token has fewer than k above.)
`config.yaml` names the model and the places, in TransformerLens's spelling without the layer; some
sets have none. With `transcoders` it lists where the files are, in other repositories. What an
import makes is the transcoder of one layer; cross-layer transcoders are refused. Such files are
read, not written. Importing this needs no torch.
"""

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec

from engine.errors import UserError
from engine.sae.config import SAEConfig
from engine.sae.formats.hooks import site_of
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.records import convert_record, fields_to_keep, naming_file
from engine.sae.formats.unknown_fields import unknown_fields
from engine.sae.formats.yaml_records import read_yaml

if TYPE_CHECKING:
    from engine.sae.architectures.base import SparseAutoencoder
    from engine.sae.formats.tensors import Tensors

CONFIG = "config.yaml"
FILES = (CONFIG,)
FORMAT = "circuit_tracer"
SETTINGS = ("k",)
LAYER_FILE = re.compile(r"layer_(?P<layer>\d{1,4})\.safetensors")
CROSS_LAYER_FILE = re.compile(r"W_(enc|dec)_\d{1,4}\.safetensors")
THRESHOLD = "activation_function.threshold"
_LISTED = re.compile(
    r"hf://(?P<path>[\w.-]+/[\w.-]+/[^?@:]+?)(?:\?revision=(?P<revision>[\w./-]+))?", re.ASCII
)
_NOT_TO_RUN = (
    "A cross-layer transcoder reads at one layer and writes at all later ones, and what is scanned,"
    " clamped and evaluated here is one site."
)

NAMES = {
    "W_enc": "W_enc",
    "W_dec": "W_dec",
    "b_enc": "b_enc",
    "b_dec": "b_dec",
    "log_threshold": THRESHOLD,
    "W_skip": "W_skip",
}


class _Config(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that matter."""

    model_name: str = ""
    model_kind: str = "transcoder_set"
    feature_input_hook: str = ""
    feature_output_hook: str = ""
    activation: str = "relu"
    k: int | None = None
    transcoders: list[str] = []

    def __post_init__(self) -> None:
        if self.model_kind == "cross_layer_transcoder":
            raise UserError(f"model_kind is cross_layer_transcoder. {_NOT_TO_RUN}")
        if self.model_kind != "transcoder_set":
            raise UserError(f"model_kind is {self.model_kind!r}, and only transcoder_set is read.")
        if self.activation not in ("relu", "topk"):
            raise UserError(f"activation is {self.activation!r}; relu and topk can be read.")

    def hooks(self, layer: int) -> dict[str, str]:
        """Where it reads and writes at a layer, by the names of the fields."""
        places = {
            "feature_input_hook": self.feature_input_hook,
            "feature_output_hook": self.feature_output_hook,
        }
        return {name: f"blocks.{layer}.{hook}" for name, hook in places.items() if hook}


KNOWN = {*_Config.__struct_fields__, "scan", "repo_id", "revision", "subfolder"}
"""The fields of `config.yaml` that are followed, or concern where files are and how features are
shown."""


def layer_file(layer: int) -> str:
    """What the file of a layer is called."""
    return f"layer_{layer}.safetensors"


def companions(inside: PurePosixPath) -> list[PurePosixPath]:
    """Where what tells more of the file `inside` a repository lies."""
    return [inside.parent / CONFIG]


def listed_file(folder: Path, layer: int | None) -> str:
    """Where on the hub the transcoder of `layer` is, as owner/name/file@revision, if the set in
    `folder` lists such places; empty if it doesn't, or is no set.

    UserError for a set that can't be followed, or where the layer isn't said, or isn't there.
    """
    path = folder / CONFIG
    if not path.is_file():
        return ""
    content = read_yaml(path)
    if "model_kind" not in content:
        return ""
    listed = convert_record(content, _Config, path).transcoders
    if not listed:
        return ""
    if layer is None or layer >= len(listed):
        said = "" if layer is None else f", and none of layer {layer}"
        raise UserError(
            f"{path} lists the transcoders of layers 0 to {len(listed) - 1}{said}.",
            "Name one with --layer.",
        )
    found = _LISTED.fullmatch(listed[layer])
    if found is None:
        raise UserError(
            f"{path}: {listed[layer]!r} is no file on the hub, as hf://owner/name/file.",
            "Name the file itself.",
        )
    return f"{found['path']}@{found['revision']}" if found["revision"] else found["path"]


def read(path: Path, *, k: int | None = None) -> tuple["SparseAutoencoder", SAEMetadata]:
    """The transcoder in the file at `path`, for inference, and where it comes from; `k` is what
    the user states."""
    from engine.sae.formats.tensors import read_safetensors
    from engine.sae.formats.weights import assemble, from_library

    if CROSS_LAYER_FILE.fullmatch(path.name):
        raise UserError(f"{path} is of a cross-layer transcoder. {_NOT_TO_RUN}")
    beside = path.parent / CONFIG
    content: dict[str, Any] = read_yaml(beside) if beside.is_file() else {}
    described = convert_record(content, _Config, beside)
    tensors = read_safetensors(path)
    config = _config_of(tensors, described, k, beside)
    sae = assemble(config, from_library(tensors, NAMES, config))
    layer = LAYER_FILE.fullmatch(path.name)
    hooks = described.hooks(int(layer["layer"])) if layer else {}
    sites = {name: site_of(hook, described.model_name) for name, hook in hooks.items()}
    kept = {name: hook for name, hook in hooks.items() if not sites[name]}
    return sae, SAEMetadata(
        model=described.model_name,
        site=sites.get("feature_input_hook", ""),
        target_site=sites.get("feature_output_hook", ""),
        library_fields={FORMAT: fields_to_keep(kept, beside)} if kept else {},
        unknown_fields=unknown_fields(content, KNOWN, beside),
    )


def _config_of(
    tensors: "Tensors", described: _Config, stated: int | None, beside: Path
) -> SAEConfig:
    d_sae, d_in = tensors.sizes("W_enc", 2)
    _, d_out = tensors.sizes("W_dec", 2)
    jumps = THRESHOLD in tensors.found
    if None not in (stated, described.k) and stated != described.k:
        raise UserError(f"{beside}: k is {described.k}, and {stated} is stated.")
    k = stated or described.k
    if jumps and k is not None:
        raise UserError(f"{tensors.path} has a threshold, and so no k.", "Leave out --k.")
    if described.activation == "topk" and k is None:
        raise UserError(f"{beside}: activation is topk, and k isn't given.", "State it with --k.")
    with naming_file(tensors.path):
        return SAEConfig(
            architecture="jumprelu" if jumps else "relu" if k is None else "topk",
            d_in=d_in,
            d_sae=d_sae,
            k=k,
            d_out=d_out,
            skip="W_skip" in tensors.found,
        )
