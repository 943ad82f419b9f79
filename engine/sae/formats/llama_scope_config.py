"""What `hyperparams.json` and `config.json` of Language-Model-SAEs say. Torch-free."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from engine.errors import UserError
from engine.sae.formats.records import convert_record, read_record
from engine.sae.formats.training_fields import TRAINING_FIELDS
from engine.sae.formats.unknown_fields import unknown_fields

_REFUSED = {
    "clt": "a cross-layer transcoder, which writes at all later layers",
    "crosscoder": "a crosscoder, which reads and writes at several places at once",
    "lorsa": "low-rank sparse attention, which reads other tokens than the one that it writes to",
    "molt": "a mixture of linear transforms, whose features are no directions",
    "mixcoder": "a coder of several modalities",
}
"""Kinds of theirs that are none of ours, and why."""


_LARGEST = 1e30
"""Norms and thresholds beyond it, and norms below its inverse, are mistakes."""


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that matter, with the library's defaults."""

    d_model: int
    hook_point_in: str
    hook_point_out: str = ""
    d_sae: int | None = None
    expansion_factor: float | None = None
    sae_type: str = "sae"
    act_fn: str = "relu"
    top_k: int | None = None
    jump_relu_threshold: float | None = None
    norm_activation: str = "dataset-wise"
    dataset_average_activation_norm: dict[str, float] | None = None
    use_decoder_bias: bool = True
    apply_decoder_bias_to_pre_encoder: bool = False
    sparsity_include_decoder_norm: bool = True
    use_glu_encoder: bool = False
    model_name: str | None = None
    unknown: dict[str, Any] = {}
    """No field of theirs: what stands in the file and isn't known."""

    def __post_init__(self) -> None:
        if self.sae_type in _REFUSED:
            raise UserError(f"it is {_REFUSED[self.sae_type]}: what is here is one site's.")
        if self.sae_type != "sae":
            raise UserError(f"sae_type is {self.sae_type!r}, and only 'sae' can be read.")
        if self.act_fn not in ("relu", "jumprelu", "topk"):
            raise UserError(f"act_fn is {self.act_fn!r}; relu, jumprelu and topk can be read.")
        if self.use_glu_encoder:
            raise UserError("use_glu_encoder is true, which can't be followed.")
        if self.norm_activation not in ("dataset-wise", "inference"):
            raise UserError(
                f"norm_activation is {self.norm_activation!r}; dataset-wise and inference can be"
                " followed."
            )

    @property
    def architecture(self) -> str:
        """Ours. A topk for which a threshold was found is used with that, as a jumprelu."""
        found = self.act_fn == "topk" and bool(self.jump_relu_threshold)
        return "jumprelu" if found else self.act_fn

    @property
    def transcodes(self) -> bool:
        """Whether it writes elsewhere than it reads."""
        return self.hook_point_out not in ("", self.hook_point_in)

    @property
    def width(self) -> int:
        """d_sae. UserError if neither it nor the expansion factor is given, or makes sense."""
        if self.d_sae is not None:
            return self.d_sae
        if self.expansion_factor is None:
            raise UserError("neither d_sae nor expansion_factor is given.")
        if not math.isfinite(self.expansion_factor * self.d_model):
            raise UserError(f"expansion_factor is {self.expansion_factor}.")
        return round(self.d_model * self.expansion_factor)

    @property
    def hooks(self) -> dict[str, str]:
        """Where it reads and, if that is elsewhere, writes, by the names of the fields."""
        reads = {"hook_point_in": self.hook_point_in}
        return reads | ({"hook_point_out": self.hook_point_out} if self.transcodes else {})

    def threshold(self, into: float, out: float) -> float | None:
        """What scaled pre-activations are compared with, of the one threshold that is given; see
        `engine.sae.formats.llama_scope`. UserError for one that makes no sense."""
        if self.jump_relu_threshold is None:
            return None
        scaled = self.jump_relu_threshold * (out if self.sparsity_include_decoder_norm else into)
        if not abs(scaled) < _LARGEST:
            raise UserError(f"jump_relu_threshold is {self.jump_relu_threshold}.")
        return scaled

    def scales(self, path: Path, stored: Mapping[str, float]) -> tuple[float, float]:
        """What is read and what is written, times this, has a mean norm of √d.

        `stored`: mean norms by place, where they stand among the weights. UserError, naming `path`,
        where one is needed that isn't given, or makes no sense.
        """
        if self.norm_activation == "inference":
            return 1.0, 1.0
        told = self.dataset_average_activation_norm or {}
        out = self.hook_point_out or self.hook_point_in
        norms = [
            told.get("in", stored.get(self.hook_point_in)),
            told.get("out", stored.get(out)),
        ]
        if any(norm is None or not 1 / _LARGEST < norm < _LARGEST for norm in norms):
            raise UserError(
                f"{path}: the mean norms of activations (dataset_average_activation_norm) are"
                f" {norms}, and what it reads can't be scaled by them."
            )
        into, out_of = (math.sqrt(self.d_model) / norm for norm in norms if norm is not None)
        return into, out_of


_KNOWN = TRAINING_FIELDS["llama_scope"].union(Described.__struct_fields__)


def describe(path: Path) -> Described:
    """What the JSON file at `path` says. UserError naming the field that can't be followed."""
    content = read_record(path, dict[str, Any])
    described = convert_record(content, Described, path)
    return msgspec.structs.replace(described, unknown=unknown_fields(content, _KNOWN, path))
