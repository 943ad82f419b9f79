"""Where a feature is active: its strongest examples, and some of each size (no torch here)."""

import numpy as np
from numpy.typing import NDArray

from engine.activations.store.tokens import TokenTable
from engine.features.catalogue.catalogue import Catalogue, Example
from engine.features.dashboards.format import TOP_GROUP, Occurrence
from engine.features.dashboards.histogram import shortened
from engine.features.examples.snippets import Snippet, snippet_at, snippets

INTERVALS = 5
"""Between 0 and the maximum, equally wide: SAEDashboard's default."""
IN_INTERVAL = 5
"""Examples of each at most: its default, too."""


def occurrences(catalogue: Catalogue, tokens: TokenTable, feature: int) -> list[Occurrence]:
    """The strongest, then those of each interval of activations, the highest interval first.

    Of an interval, random ones of the feature's sample; unlike SAEDashboard's, none of an interval
    are tokens on which the feature is silent.
    """
    maximum = float(catalogue.columns["max"][feature])
    if not maximum > 0:
        return []
    most = catalogue.manifest.top_k
    top = [
        _occurrence(snippet, TOP_GROUP, maximum, TOP_GROUP)
        for snippet in snippets(catalogue, tokens, feature, most=most)
    ]
    return top + _of_intervals(catalogue, tokens, feature, maximum)


def active_values(catalogue: Catalogue, feature: int) -> NDArray[np.float32]:
    """The feature's activations where it is active, of all tokens of the codes; where these have
    none of it, of its sample."""
    codes = catalogue.codes
    if codes is not None and len(values := codes.active(feature)[1]):
        return values
    return np.array([place.value for place in catalogue.sample(feature)], np.float32)


def _of_intervals(
    catalogue: Catalogue, tokens: TokenTable, feature: int, maximum: float
) -> list[Occurrence]:
    edges = np.linspace(0, maximum, INTERVALS + 1)
    values = np.minimum(active_values(catalogue, feature), maximum)
    density = float(catalogue.columns["density"][feature])
    shares = density * np.histogram(values, edges)[0] / max(1, len(values))
    sample = catalogue.sample(feature)
    number_of = np.clip(np.digitize([place.value for place in sample], edges) - 1, 0, INTERVALS - 1)
    rng = np.random.default_rng(feature)
    found = []
    for number in reversed(range(INTERVALS)):
        here = np.flatnonzero(number_of == number)
        for place in np.sort(rng.permutation(here)[:IN_INTERVAL])[::-1]:
            low, high = edges[number : number + 2].tolist()
            snippet = _known_part(catalogue, tokens, feature, sample[place])
            found.append(_occurrence(snippet, low, high, float(shares[number])))
    return found


def _known_part(catalogue: Catalogue, tokens: TokenTable, feature: int, place: Example) -> Snippet:
    """What stands around a place, as far as the feature's activations are known there."""
    radius = catalogue.manifest.radius
    snippet = snippet_at(catalogue.codes, tokens, feature, place, radius=radius)
    if snippet.known is None:
        return snippet
    return snippet_at(catalogue.codes, tokens, feature, place, radius=0)


def _occurrence(snippet: Snippet, low: float, high: float, contains: float) -> Occurrence:
    low, high, contains = shortened(np.array([low, high, contains]))
    return Occurrence(
        bin_min=low,
        bin_max=high,
        bin_contains=contains,
        tokens=snippet.tokens,
        values=shortened(np.array(snippet.activations)),
        qualifying_token_index=snippet.peak,
    )
