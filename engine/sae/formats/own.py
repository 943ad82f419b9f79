"""Our own layout, for what SAELens doesn't know: `sae.json` and `weights.safetensors`.

`sae.json` holds `layout` ("brainsurg-sae"), `version` (1) and `config`, an `SAEConfig`. The weights
have the `stored_names` of the architecture, PyTorch's shapes, and fp32. For topk and gated
transcoders, which compute what `engine.sae.architectures.linear` and the files of their
architectures say:

    encoder           [d_sae, d_in]     decoder         [d_sae, d_out]
    decoder_bias      [d_out]           skip            [d_out, d_in]   (where there is one)
    encoder_bias      [d_sae]           (topk)
    gate_bias, magnitude_bias, log_magnitude  [d_sae]   (gated)

For the seed's two:

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
    from engine.sae.architectures.base import SparseAutoencoder

CONFIG = "sae.json"
WEIGHTS = "weights.safetensors"


class _Description(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    layout: Literal["brainsurg-sae"] = "brainsurg-sae"
    version: Literal[1] = 1
    config: SAEConfig


def read_config(folder: Path) -> SAEConfig:
    """The configuration in `folder`. UserError naming the field that is wrong."""
    return read_record(folder / CONFIG, _Description).config


def read_sae(folder: Path) -> "SparseAutoencoder":
    """The autoencoder in `folder`, for inference."""
    from engine.sae.architectures.registry import outline
    from engine.sae.formats.tensors import read_safetensors
    from engine.sae.formats.weights import assemble

    config = read_config(folder)
    sae = outline(config)
    shapes = {name: tuple(tensor.shape) for name, tensor in sae.state_dict().items()}
    stored = read_safetensors(folder / WEIGHTS).exactly(sae.to_stored_names(shapes))
    return assemble(config, sae.from_stored_names(stored))


def write(sae: "SparseAutoencoder", folder: Path) -> None:
    """Write the two files of the layout into `folder`."""
    from engine.sae.formats.tensors import write_safetensors
    from engine.sae.formats.weights import weights_of

    write_whole(folder / CONFIG, record_bytes(_Description(config=sae.config)))
    write_safetensors(folder / WEIGHTS, sae.to_stored_names(weights_of(sae)))
