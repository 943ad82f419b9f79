"""Which features are active on the same tokens (no torch here)."""

import numpy as np

from engine.features.catalogue.codes import Codes
from engine.features.search.findings import Relative, Relatives

MOST_ENTRIES = 1 << 18
"""How many activations of other features to look at."""


def coactive(codes: Codes, feature: int, most: int) -> Relatives:
    """The features that share the most tokens with one.

    Their likeness is Jaccard's index: tokens on which both are active, by those on which either is.
    They are counted on all of its active tokens in the codes or, where too much is active on these,
    on as many evenly spaced ones as leave the time short; likeness is then an estimate.
    """
    rows, _ = codes.active(feature)
    looked_at = rows
    entries = int((codes.offsets[rows + 1] - codes.offsets[rows]).sum())
    if entries > MOST_ENTRIES:
        some = max(1, len(rows) * MOST_ENTRIES // entries)
        looked_at = rows[np.linspace(0, len(rows) - 1, some).astype(np.intp)]
    counted, _ = codes.entries_of(looked_at)
    counts = np.bincount(codes.features[counted], minlength=len(codes.starts) - 1)
    counts[feature] = 0
    others = np.flatnonzero(counts)
    given_this = counts[others] / max(1, len(looked_at))
    active = codes.starts[others + 1] - codes.starts[others]
    both = np.minimum(given_this * len(rows), active)  # an estimate may exceed what there is
    jaccard = both / (len(rows) + active - both)
    given_other = both / active
    first = np.argsort(-jaccard, kind="stable")[:most]
    relatives = [
        Relative(
            id=int(others[i]),
            likeness=float(jaccard[i]),
            given_this=float(given_this[i]),
            given_other=float(given_other[i]),
        )
        for i in first
    ]
    return Relatives(relatives=relatives, tokens=len(looked_at))
