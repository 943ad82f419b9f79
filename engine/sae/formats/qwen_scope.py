"""The layout of Qwen-Scope (arXiv:2605.11887): one file a layer, `layer12.sae.pt`.

    W_enc [d_sae, d_in]   W_dec [d_in, d_sae]   b_enc [d_sae]   b_dec [d_in]

    acts = the k largest of relu(x @ W_encᵀ + b_enc),   x̂ = acts @ W_decᵀ + b_dec

A pickled dictionary of tensors. Which model, how wide and which k, is told by the repository's name
alone, such as SAE-Res-Qwen3-1.7B-Base-W32K-L0_50; where a file lies elsewhere, k has to be stated.
That there is a ReLU is as SAELens loads it. Such files are read, not written.
Importing this needs no torch.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import UserError
from engine.sae.config import SAEConfig
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.records import naming_file

if TYPE_CHECKING:
    from engine.sae.architectures.base import SparseAutoencoder

LAYER_FILE = re.compile(r"layer(?P<layer>\d{1,4})\.sae\.pt")
SETTINGS = ("k",)
_REPOSITORY = re.compile(r"SAE-Res-(?P<model>[\w.-]+?)-W(?P<width>\d+)K-L0_(?P<k>\d+)(?!\d)")

NAMES = {"W_enc": "W_enc", "W_dec": "W_dec.T", "b_enc": "b_enc", "b_dec": "b_dec"}


def layer_file(layer: int) -> str:
    """What the file of a layer is called."""
    return f"layer{layer}.sae.pt"


def read(path: Path, *, k: int | None = None) -> tuple["SparseAutoencoder", SAEMetadata]:
    """The autoencoder in the file at `path`, for inference; `k` is what the user states.

    UserError where the path names no repository of theirs and k isn't stated, or is another.
    """
    from engine.sae.formats.algebra import to_centred
    from engine.sae.formats.tensors import read_pickled
    from engine.sae.formats.weights import assemble, from_library

    named = _REPOSITORY.search(path.as_posix())
    told = int(named["k"]) if named else None
    if k is not None and told not in (None, k):
        raise UserError(f"{path}: by its folder's name k is {told}, and {k} is stated.")
    k = k or told
    if k is None:
        raise UserError(
            f"{path} doesn't say how many features are kept for a token.",
            "State it with --k; in the name of the repository it stands behind L0_.",
        )
    tensors = read_pickled(path)
    d_sae, d_in = tensors.sizes("W_enc", 2)
    if named and d_sae != int(named["width"]) << 10:
        raise UserError(
            f"{path} has {d_sae:,} features, and by its folder's name {named['width']}K."
        )
    with naming_file(path):
        config = SAEConfig(architecture="topk", d_in=d_in, d_sae=d_sae, k=k)
    sae = assemble(config, to_centred(from_library(tensors, NAMES, config)))
    layer = LAYER_FILE.fullmatch(path.name)
    return sae, SAEMetadata(
        model=f"Qwen/{named['model']}" if named else "",
        site=f"resid_post.{int(layer['layer'])}" if layer else "",
    )
