"""From how an autoencoder is trained to how it is used."""

import msgspec

from engine.sae.architectures.batchtopk import BatchTopK
from engine.sae.base import SparseAutoencoder
from engine.sae.formats.weights import THRESHOLD, assembled, logarithm, weights_of


def at_inference(sae: SparseAutoencoder) -> SparseAutoencoder:
    """The same function of x as an architecture that every library has.

    A BatchTopK or Matryoshka is, once trained, a JumpReLU with the same threshold everywhere.
    """
    if not isinstance(sae, BatchTopK):
        return sae
    weights = weights_of(sae)
    weights[THRESHOLD] = logarithm(weights.pop("threshold")).repeat(sae.config.d_sae)
    config = msgspec.structs.replace(sae.config, architecture="jumprelu", k=None, groups=None)
    return assembled(config, weights)
