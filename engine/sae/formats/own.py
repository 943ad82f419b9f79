"""Our own layout, for what no library's layout knows: `sae.json` and `weights.safetensors`.

`sae.json` holds `layout` ("brainsurg-sae"), `version` (1) and `config`, an `SAEConfig`. The weights
are named as the modules of the architecture are, in PyTorch's shapes and fp32; for the seed's two:

    input_norm.weight, input_norm.bias  [d_in]
    encoder.0.weight  [d_sae, d_in]     encoder.0.bias  [d_sae]
    encoder.2.weight  [d_sae, d_sae]    encoder.2.bias  [d_sae]
    decoder.weight    [d_in, d_sae]     decoder.bias    [d_in]
    mean, deviation   [d_in]            (seed-optimised only)

    codes = encoder.2(leaky_relu(encoder.0(layer_norm(x)), 0.1)),   x̂ = decoder(codes)

where seed-optimised reads (x − mean) / deviation for x, and gives x̂ · deviation + mean.
Importing this needs no torch.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from engine.files import write_whole
from engine.sae.config import SAEConfig
from engine.sae.formats.records import read_record, record_bytes

if TYPE_CHECKING:
    from torch import Tensor

    from engine.sae.base import SparseAutoencoder

CONFIG = "sae.json"
WEIGHTS = "weights.safetensors"


class _Description(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    layout: Literal["brainsurg-sae"] = "brainsurg-sae"
    version: Literal[1] = 1
    config: SAEConfig


def read_config(folder: Path) -> SAEConfig:
    """The configuration in `folder`. UserError naming the field that is wrong."""
    return read_record(folder / CONFIG, _Description).config


def read_weights(folder: Path, config: SAEConfig) -> "dict[str, Tensor]":
    """The weights in `folder`, by the architecture's own names."""
    from engine.sae.formats.tensors import read_tensors
    from engine.sae.registry import outline

    shapes = {name: tuple(t.shape) for name, t in outline(config).state_dict().items()}
    return read_tensors(folder / WEIGHTS, shapes)


def write(sae: "SparseAutoencoder", folder: Path) -> None:
    """Write the two files of the layout into `folder`."""
    from engine.sae.formats.tensors import write_tensors

    write_whole(folder / CONFIG, record_bytes(_Description(config=sae.config)))
    write_tensors(folder / WEIGHTS, sae.state_dict())
