"""The layout of qresearch's SAE for DeepSeek-R1-Distill-Llama-8B: one `.pt` file.

    encoder.weight [d_sae, d_in]   encoder.bias [d_sae]
    decoder.weight [d_in, d_sae]   decoder.bias [d_in]

    acts = relu(x @ encoder.weightᵀ + encoder.bias),   x̂ = acts @ decoder.weightᵀ + decoder.bias

A pickled state dictionary, of the shape of dictionary_learning's AutoEncoderNew, but without the
`config.json` of that. It is named after the model and the layer
(`DeepSeek-R1-Distill-Llama-8B-SAE-l19.pt`), and is known by that. Such files are read, not written.
Importing this needs no torch.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.plain_relu import PlainReLU, origin_of

if TYPE_CHECKING:
    from engine.sae.architectures.base import SparseAutoencoder

KEYS = PlainReLU("encoder", "decoder")


def read(path: Path) -> tuple["SparseAutoencoder", SAEMetadata]:
    """The autoencoder in the file at `path`, and where it comes from, by its name."""
    return KEYS.read(path), origin_of(path)
