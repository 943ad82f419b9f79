"""The layout of Goodfire's SAEs for Llama: one `.pt` or `.pth` file, a pickled state dictionary.

    encoder_linear.weight [d_sae, d_in]   encoder_linear.bias [d_sae]
    decoder_linear.weight [d_in, d_sae]   decoder_linear.bias [d_in]

    acts = relu(x @ encoder_linear.weightᵀ + encoder_linear.bias)
    x̂ = acts @ decoder_linear.weightᵀ + decoder_linear.bias

The file is named after the model and the layer (`Llama-3.1-8B-Instruct-SAE-l19.pth`), and tells
them nowhere else. Such files are read, not written. Importing this needs no torch.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.plain_relu import PlainReLU, origin_of

if TYPE_CHECKING:
    from engine.sae.architectures.base import SparseAutoencoder

KEYS = PlainReLU("encoder_linear", "decoder_linear")


def read(path: Path) -> tuple["SparseAutoencoder", SAEMetadata]:
    """The autoencoder in the file at `path`, and where it comes from, by its name."""
    return KEYS.read(path), origin_of(path)
