"""The histogram of densities, against counting one by one."""

import itertools
import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.sae.evaluation.density import density_histogram


@settings(deadline=None)
@given(st.lists(st.floats(0, 1) | st.sampled_from([0.0, 1e-9, 1e-8, 1e-3, 1.0]), max_size=50))
def test_every_feature_is_in_its_bin_or_dead(density: list[float]) -> None:
    histogram = density_histogram(torch.tensor(density, dtype=torch.float64))
    edges, counts = histogram.edges, histogram.counts
    assert (edges[0], edges[-1], len(counts)) == (-8, 0, 32)
    assert histogram.dead == density.count(0)
    assert histogram.dead + sum(counts) == len(density)
    logs = [math.log10(share) for share in density if share > 0]
    for (low, high), count in zip(itertools.pairwise(edges), counts, strict=True):
        first, last = low == edges[0], high == edges[-1]
        inside = [x for x in logs if (first or x >= low - 1e-9) and (last or x < high + 1e-9)]
        surely = [x for x in logs if (first or x >= low + 1e-9) and (last or x < high - 1e-9)]
        assert len(surely) <= count <= len(inside)
