"""The layout of dictionary_learning 0.1: `ae.pt`, a pickled state dictionary, and `config.json`.

Its trainer's checkpoints are such files, too: `checkpoints/ae_300.pt`, the configuration one folder
up. Where it was trained on scaled activations, the scale is in the biases of all that it saves.

`config.json` holds `trainer`: `dict_class`, `activation_dim`, `dict_size`, `k`, and which model
and place. By `dict_class`, with n = dict_size and d = activation_dim:

    AutoEncoder             encoder.weight [n, d]  encoder.bias  decoder.weight [d, n]  bias
    AutoEncoderNew          the same, with decoder.bias for bias
    GatedAutoEncoder        encoder.weight  decoder.weight  decoder_bias  r_mag  gate_bias  mag_bias
    AutoEncoderTopK         encoder.weight  encoder.bias  decoder.weight  b_dec  k  threshold
    BatchTopKSAE            the same
    MatryoshkaBatchTopKSAE  W_enc [d, n]  b_enc  W_dec [n, d]  b_dec  k  threshold  group_sizes
    JumpReluAutoEncoder     W_enc [d, n]  b_enc  W_dec [n, d]  b_dec  threshold [n]

AutoEncoderNew and JumpReluAutoEncoder encode x, the others x less their decoder's bias. Batch- and
MatryoshkaBatchTopK are used with their one `threshold`, which is −1 while it is unset and then
keeps nothing from being active; AutoEncoderTopK has one and doesn't use it.

When the library loads an AutoEncoder, it makes its decoder's directions as long as 1, if they
aren't nearly so, and acts and encoder longer by as much: so does this. A relu is written as
AutoEncoderNew, of which it changes nothing. Importing this needs no torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from engine.errors import UserError
from engine.files import write_whole
from engine.sae.config import SAEConfig
from engine.sae.formats.hooks import site_of
from engine.sae.formats.left_out_fields import left_out_fields
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.records import (
    convert_record,
    count_or_none,
    fields_to_keep,
    naming_file,
    read_record,
    record_bytes,
)
from engine.sae.formats.training_fields import TRAINING_FIELDS
from engine.sae.formats.unknown_fields import unknown_fields

if TYPE_CHECKING:
    from engine.sae.architectures.base import SparseAutoencoder
    from engine.sae.formats.tensors import Tensors

AnyPath = TypeVar("AnyPath", bound=PurePath)

CONFIG = "config.json"
WEIGHTS = "ae.pt"
FILES = (CONFIG, WEIGHTS)
FORMAT = "dictionary_learning"
_OUTPUT = (None, "out")

_LINEAR = {
    "W_enc": "encoder.weight",
    "W_dec": "decoder.weight.T",
    "b_enc": "encoder.bias",
    "b_dec": "b_dec",
}
_MATRICES = {
    "W_enc": "W_enc.T",
    "W_dec": "W_dec",
    "b_enc": "b_enc",
    "b_dec": "b_dec",
}
_GATED = {
    "W_enc": "encoder.weight",
    "W_dec": "decoder.weight.T",
    "b_dec": "decoder_bias",
    "b_gate": "gate_bias",
    "b_mag": "mag_bias",
    "r_mag": "r_mag",
}


@dataclass(frozen=True)
class _Kind:
    """One of its classes."""

    architecture: str
    """Ours, as it is trained."""
    names: Mapping[str, str]
    beside: tuple[str, ...] = ()
    """Tensors that are no weights of ours."""
    centres: bool = True
    """Whether it encodes x less the decoder's bias."""
    rescales: bool = False
    """Whether the library gives its decoder's directions length 1 when it loads it."""


_KINDS = {
    "AutoEncoder": _Kind("relu", _LINEAR | {"b_dec": "bias"}, rescales=True),
    "AutoEncoderNew": _Kind("relu", _LINEAR | {"b_dec": "decoder.bias"}, centres=False),
    "GatedAutoEncoder": _Kind("gated", _GATED),
    "AutoEncoderTopK": _Kind("topk", _LINEAR, ("k", "threshold")),
    "BatchTopKSAE": _Kind("batchtopk", _LINEAR | {"threshold": "threshold"}, ("k",)),
    "MatryoshkaBatchTopKSAE": _Kind(
        "matryoshka", _MATRICES | {"threshold": "threshold"}, ("k", "group_sizes")
    ),
    "JumpReluAutoEncoder": _Kind(
        "jumprelu", _MATRICES | {"log_threshold": "threshold"}, centres=False
    ),
}
_WRITTEN = {kind.architecture: name for name, kind in _KINDS.items()}
"""The class for each of our architectures; of two, the later."""


class _Trainer(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that matter."""

    dict_class: str
    activation_dim: int
    dict_size: int
    k: int | None = None
    lm_name: str | None = None
    submodule_name: str | None = None
    layer: Any = None

    def __post_init__(self) -> None:
        if self.dict_class not in _KINDS:
            raise UserError(f"dict_class is {self.dict_class!r}; {', '.join(_KINDS)} can be read.")


KNOWN = TRAINING_FIELDS["dictionary_learning"].union(_Trainer.__struct_fields__)
"""The fields of `trainer` that are followed, or concern its training alone."""


class _Config(msgspec.Struct, frozen=True, kw_only=True):
    trainer: _Trainer
    buffer: dict[str, Any] = {}

    def site(self) -> str:
        """Where in the model; empty where we have no site for it. Of a layer, its output is meant
        by a layer's name."""
        return site_of(self.trainer.submodule_name) if self.buffer.get("io") in _OUTPUT else ""

    def fields_not_followed(self, path: Path) -> dict[str, Any]:
        """What it tells that nothing here follows."""
        fields = {name: value for name, value in self.buffer.items() if name != "ctx_len"}
        if self.trainer.submodule_name and not self.site():
            fields |= {"submodule_name": self.trainer.submodule_name, "layer": self.trainer.layer}
        return fields_to_keep(fields, path)


def check(config: SAEConfig) -> None:
    """Raise UserError if dictionary_learning has nothing like it."""
    if config.transcodes:
        raise UserError("dictionary_learning has no transcoders.")
    if config.layer_norm:
        raise UserError("dictionary_learning does not normalise what it reads, and this SAE does.")
    if config.architecture not in _WRITTEN:
        raise UserError(f"dictionary_learning has no {config.architecture} SAE.")


def config_places(file: AnyPath) -> list[AnyPath]:
    """Where the configuration of a file of weights may lie: beside it, or one folder up."""
    above = [] if file.name == WEIGHTS else [file.parent.parent / CONFIG]
    return [file.parent / CONFIG, *above]


companions = config_places


def read(path: Path) -> tuple["SparseAutoencoder", SAEMetadata]:
    """The autoencoder in a folder or a checkpoint, for inference, and where it comes from."""
    import torch

    from engine.sae.formats.algebra import fold_decoder_norms, to_centred
    from engine.sae.formats.inference import inference_form
    from engine.sae.formats.tensors import read_pickled
    from engine.sae.formats.weights import assemble, from_library

    file = path / WEIGHTS if path.is_dir() else path
    at = next((place for place in config_places(file) if place.is_file()), None)
    if at is None:
        raise UserError(
            f"There is no file {config_places(file)[0]}, nor one folder up, which tells what a file"
            " of dictionary_learning is.",
            "Copy it from where the weights were.",
        )
    content = read_record(at, dict[str, Any])
    stored = convert_record(content, _Config, at)
    kind = _KINDS[stored.trainer.dict_class]
    tensors = read_pickled(file)
    trained = _config_of(stored.trainer, tensors, at)
    weights = from_library(tensors, kind.names, trained, but=kind.beside)
    if not kind.centres:
        weights = to_centred(weights)
    lengths = weights["W_dec"].norm(dim=1)
    if kind.rescales and not torch.allclose(lengths, torch.ones_like(lengths)):
        weights = fold_decoder_norms(weights)
    used, weights = inference_form(trained, weights)
    kept = stored.fields_not_followed(at)
    metadata = SAEMetadata(
        model=stored.trainer.lm_name or "",
        site=stored.site(),
        context=count_or_none(stored.buffer.get("ctx_len")),
        library_fields={FORMAT: kept} if kept else {},
        unknown_fields=unknown_fields(content["trainer"], KNOWN, at),
        trained_as=None if used == trained else trained,
    )
    return assemble(used, weights), metadata


def write(sae: "SparseAutoencoder", folder: Path, metadata: SAEMetadata) -> None:
    """Write the two files of the layout into `folder`."""
    import torch

    from engine.sae.formats.algebra import from_centred
    from engine.sae.formats.inference import trained_form
    from engine.sae.formats.tensors import write_pickled
    from engine.sae.formats.weights import to_library, weights_of

    config, weights = trained_form(sae.config, weights_of(sae), metadata.trained_as)
    name = _WRITTEN[config.architecture]
    kind = _KINDS[name]
    if not kind.centres:
        weights = from_centred(weights)
    beside = {
        "k": torch.tensor(config.k or 0, dtype=torch.int32),
        "threshold": torch.tensor(-1.0),
        "group_sizes": torch.tensor(config.groups or ()),
    }
    write_whole(folder / CONFIG, record_bytes(_config_fields(name, config, metadata)))
    write_pickled(
        folder / WEIGHTS,
        to_library(weights, kind.names),
        {each: beside[each] for each in kind.beside},
    )


def _config_of(trainer: _Trainer, tensors: "Tensors", path: Path) -> SAEConfig:
    kind = _KINDS[trainer.dict_class]
    k, groups = trainer.k, None
    if "k" in kind.beside and "k" in tensors.found:
        counted = tensors.whole_number("k")
        if k is not None and k != counted:
            raise UserError(f"{path}: trainer.k is {k}, but in {tensors.path} k is {counted}.")
        k = counted
    if "group_sizes" in kind.beside:
        groups = tuple(tensors.whole_numbers("group_sizes"))
    with naming_file(path):
        return SAEConfig(
            architecture=kind.architecture,
            d_in=trainer.activation_dim,
            d_sae=trainer.dict_size,
            k=k if "k" in kind.beside else None,
            groups=groups,
        )


def _config_fields(name: str, config: SAEConfig, metadata: SAEMetadata) -> dict[str, Any]:
    """The content of `config.json`."""
    kind, _, layer = metadata.site.partition(".")
    trainer: dict[str, Any] = {
        "dict_class": name,
        "activation_dim": config.d_in,
        "dict_size": config.d_sae,
        "lm_name": metadata.model,
        "layer": int(layer) if layer else None,
        "submodule_name": f"{kind}_layer_{layer}" if layer else None,
    }
    if config.k is not None:
        trainer["k"] = config.k
    kept = dict(metadata.library_fields.get(FORMAT, {}))
    for field in ("submodule_name", "layer"):
        place = kept.pop(field, None)
        trainer[field] = place if trainer[field] is None else trainer[field]
    left_out = left_out_fields(FORMAT, metadata)
    return {"trainer": trainer, "buffer": left_out | kept | {"ctx_len": metadata.context}}
