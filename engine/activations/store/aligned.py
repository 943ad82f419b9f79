"""Whether activation sets hold the same tokens row by row, as sets captured in one go do."""

from collections.abc import Sequence

import numpy as np

from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.tokens import TokenTable
from engine.errors import UserError

CHUNK_ROWS = 1 << 20
"""Token ids compared at once: 4 MB of each set."""


def check_aligned(sets: Sequence[ActivationSet]) -> None:
    """Raise UserError, saying what differs, unless row i of every set is the same token.

    The same token means: of the same text, read by the same model in windows of the same length.
    The sets must also be of different sites. Every token id is read; no activation is.
    """
    names = [acts.manifest.site for acts in sets]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(
            f"Two of the activation sets are of the same site, {twice or 'which isn’t known'}.",
            "Name sets of different sites.",
        )
    for other in sets[1:]:
        difference = _difference(sets[0], other)
        if difference:
            raise UserError(
                f"{sets[0].folder} and {other.folder} don't match row by row: {difference}.",
                "Capture both sites in one go.",
            )


def _difference(one: ActivationSet, other: ActivationSet) -> str | None:
    for field in ("model", "revision", "context", "documents", "tokens"):
        here, there = getattr(one.manifest, field), getattr(other.manifest, field)
        if here != there:
            return f"{field} is {here} in the one and {there} in the other"
    unequal = (one.document_bounds != other.document_bounds).nonzero()
    if len(unequal):
        return f"document {int(unequal[0]) - 1} is not as long in the one as in the other"
    return _different_token(one, other)


def _different_token(one: ActivationSet, other: ActivationSet) -> str | None:
    tables = [TokenTable(acts.folder, acts.manifest) for acts in (one, other)]
    for first in range(0, len(one), CHUNK_ROWS):
        last = min(first + CHUNK_ROWS, len(one))
        here, there = (table.token_ids(first, last) for table in tables)
        unequal = np.flatnonzero(here != there)
        if len(unequal):
            i = int(unequal[0])
            return f"row {first + i} is token {here[i]} in the one and {there[i]} in the other"
    return None
