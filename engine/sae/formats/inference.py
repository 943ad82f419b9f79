"""From how an autoencoder is trained to how it is used, and back.

A BatchTopK or Matryoshka is, once trained, a JumpReLU with the same threshold for every feature:
an architecture that every library has.
"""

import msgspec

from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.config import SAEConfig
from engine.sae.formats.weights import THRESHOLD, Weights, assemble, logarithm, weights_of


def at_inference(sae: SparseAutoencoder) -> SparseAutoencoder:
    """The same function of x in the architecture in which it is used; itself as a rule."""
    if not sae.config.traits.one_threshold:
        return sae
    return assemble(*inference_form(sae.config, weights_of(sae)))


def inference_form(config: SAEConfig, weights: Weights) -> tuple[SAEConfig, Weights]:
    """The configuration and weights with which an autoencoder is used, from those it was trained
    with."""
    if not config.traits.one_threshold:
        return config, weights
    used = msgspec.structs.replace(config, architecture="jumprelu", k=None, groups=None)
    threshold = logarithm(weights["threshold"]).repeat(config.d_sae)
    return used, _without(weights, "threshold") | {THRESHOLD: threshold}


def trained_form(
    config: SAEConfig, weights: Weights, trained: SAEConfig | None
) -> tuple[SAEConfig, Weights]:
    """The configuration and weights that were trained, if that was `trained` and all thresholds are
    still the same; else what is given."""
    if trained is None or not trained.traits.one_threshold:
        return config, weights
    threshold = weights[THRESHOLD].exp()
    if not (threshold == threshold[0]).all():
        return config, weights
    return trained, _without(weights, THRESHOLD) | {"threshold": threshold[0].clone()}


def _without(weights: Weights, name: str) -> Weights:
    return {other: tensor for other, tensor in weights.items() if other != name}
