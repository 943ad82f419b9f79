"""What layouts share that are two linear maps with a ReLU between, in one file that is named after
the model and the layer. Importing this needs no torch."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.sae.config import SAEConfig
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.records import naming_file

if TYPE_CHECKING:
    from engine.sae.architectures.base import SparseAutoencoder

NAMED = re.compile(r"(?P<model>.+)-SAE-l(?P<layer>\d{1,4})\.pth?")
"""What such a file is called."""
_OWNERS = {"Llama": "meta-llama", "DeepSeek": "deepseek-ai"}
"""Of models, by how their names begin."""


@dataclass(frozen=True)
class PlainReLU:
    """relu(x Wᵀ + b) V ᵀ + c, in a pickled state dictionary."""

    encoder: str
    decoder: str
    """What the two maps are called."""

    @property
    def names(self) -> dict[str, str]:
        """What the file calls the weights."""
        return {
            "W_enc": f"{self.encoder}.weight",
            "b_enc": f"{self.encoder}.bias",
            "W_dec": f"{self.decoder}.weight.T",
            "b_dec": f"{self.decoder}.bias",
        }

    def read(self, path: Path) -> "SparseAutoencoder":
        """The autoencoder in the file at `path`, for inference."""
        from engine.sae.formats.algebra import to_centred
        from engine.sae.formats.tensors import read_pickled
        from engine.sae.formats.weights import assemble, from_library

        tensors = read_pickled(path)
        d_sae, d_in = tensors.sizes(self.names["W_enc"], 2)
        with naming_file(path):
            config = SAEConfig(architecture="relu", d_in=d_in, d_sae=d_sae)
        return assemble(config, to_centred(from_library(tensors, self.names, config)))


def origin_of(path: Path) -> SAEMetadata:
    """Which model and layer a file belongs to, by its name; what that doesn't tell is unknown."""
    found = NAMED.fullmatch(path.name)
    if found is None:
        return SAEMetadata()
    owner = _OWNERS.get(found["model"].partition("-")[0], "")
    model = f"{owner}/{found['model']}" if owner else found["model"]
    return SAEMetadata(model=model, site=f"resid_post.{int(found['layer'])}")
