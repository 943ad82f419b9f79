"""Whether two sets of documents differ more than the same documents dealt out at random."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from engine.sae.blocks import rows_per_block

ENOUGH = 20
"""Times that chance must reach a difference before no more is asked of it."""
_AT_ONCE = 256
"""Deals that are tried together at most."""
_EQUAL = 1 - 1e-9
"""Sums of the same numbers in another order are the same difference."""


@dataclass(frozen=True)
class PermutationTest:
    """By row of what was tested, how likely chance alone is to do the same."""

    p: NDArray[np.float64]
    """[rows]: the chance of a difference that large, either way."""
    q: NDArray[np.float64]
    """[rows]: the false discovery rate among all rows that are at least as unlikely."""


def permutation_test(
    sums: csr_array,
    sizes: NDArray[np.float64],
    is_a: NDArray[np.bool_],
    *,
    most: int,
    seed: int,
    tick: Callable[[int], None] = lambda done: None,
) -> PermutationTest:
    """Test for every row whether its mean differs between two sets of documents.

    sums: [rows, documents], of some figure over each document's tokens; sizes: [documents], its
    tokens; is_a: [documents], which set it is of. The difference is

        |Σ_a sums / Σ_a sizes − Σ_b sums / Σ_b sizes|

    and the null deals the documents out at random, as many to each set as there are in it, so that
    the tokens of a document stay together. A row is tried until `ENOUGH` deals were as far apart as
    what was seen, or `most` times, the same deals for all rows: p is h / n where the h-th such deal
    was the n-th, else (g + 1) / (most + 1) with g of them (Besag and Clifford 1991, Sequential
    Monte Carlo p-values, Biometrika 78). q is by Benjamini and Hochberg 1995.

    Memory: some blocks of 128 MiB. `tick` is called with the deals so far.
    """
    from scipy.stats import false_discovery_control  # late: to import it takes half a second

    rows, documents = sums.shape
    seen = _difference(sums, sizes, is_a[:, None])[:, 0]
    p = np.ones(rows)
    reached = np.zeros(rows, np.int64)
    active = np.arange(rows)
    deals = np.random.default_rng(seed)
    done = 0
    while done < most and len(active):
        tick(done)
        count = min(_AT_ONCE, rows_per_block(max(rows, documents)), most - done)
        order = deals.random((count, documents)).argsort(axis=1)
        dealt = (order < is_a.sum()).T
        as_far = _difference(sums[active], sizes, dealt) >= _EQUAL * seen[active, None]
        up_to = reached[active, None] + as_far.cumsum(axis=1)
        is_enough = up_to >= ENOUGH
        ends = is_enough.any(axis=1)
        p[active[ends]] = ENOUGH / (done + 1 + is_enough[ends].argmax(axis=1))
        reached[active] = up_to[:, -1]
        active = active[~ends]
        done += count
    p[active] = (reached[active] + 1) / (most + 1)
    return PermutationTest(p, false_discovery_control(p) if rows else p)


def _difference(
    sums: csr_array, sizes: NDArray[np.float64], is_a: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """[rows, deals] for deals is_a [documents, deals]."""
    a = is_a.astype(np.float64)
    total, of_a = sums.sum(axis=1)[:, None], sums @ a
    size_of_a = sizes @ a
    difference: NDArray[np.float64] = np.abs(
        of_a / size_of_a - (total - of_a) / (sizes.sum() - size_of_a)
    )
    return difference
