"""What every set of kernels offers: `reference`, `cpu` and `cuda` are held to these signatures.

n: vectors of a batch; d: their width; F: features; nnz: entries of a support, the pairs of a vector
and a feature that is active in it.
"""

from typing import Protocol

from torch import Tensor

from engine.sae.kernels.support import ByFeature, Support


class Kernels(Protocol):
    """The functions of a module of kernels, which work on one device and some dtypes."""

    def select_top_k(self, pre: Tensor, k: int) -> Support:
        """Of each row of pre-activations [n, F] the k largest, as far as they are above 0."""
        ...

    def select_above(self, pre: Tensor, bounds: Tensor) -> tuple[Support, Tensor]:
        """Of pre-activations [n, F] those that are at least `bounds` [F], which are above 0; and
        their values [nnz]."""
        ...

    def largest(self, support: Support, values: Tensor, count: int) -> tuple[Support, float]:
        """The `count` largest of the entries, whose values [nnz] are above 0; of equal ones, the
        first. And the smallest value that is kept; 0 where there are fewer than `count`."""
        ...

    def stack_by_group(
        self, support: Support, group_of: Tensor, groups: int
    ) -> tuple[Support, Tensor]:
        """The vectors once for each group, [groups · n], each time with that group's entries alone.

        `group_of`: [F] int64. Gives the support, and which entries of the old stand in it: [nnz]
        int64.
        """
        ...

    def sort_by_feature(self, support: Support, features: int) -> ByFeature:
        """The entries of `support` sorted by feature, of which there are `features`."""
        ...

    def dots(self, vectors: Tensor, rows: Tensor, support: Support) -> Tensor:
        """vectors[i] · rows[f] for every entry (i, f): [nnz], from [n, d] and [F, d]."""
        ...

    def residual_and_dots(
        self, target: Tensor, W_dec: Tensor, support: Support, acts: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What decoding acts [nnz] with W_dec [F, d] leaves of `target` [n, d], and residual[i] ·
        W_dec[f] for every entry (i, f): [nnz]."""
        ...

    def weighted_rows(self, rows: Tensor, support: Support, weights: Tensor) -> Tensor:
        """Σ_f weights · rows[f] over the entries of each vector: [n, d], from [F, d] and [nnz]."""
        ...

    def sums_by_feature(
        self, by_feature: ByFeature, weights: Tensor, vectors: Tensor, out: Tensor
    ) -> None:
        """Add Σ_i weights · vectors[i] over the entries of each feature to `out` [F, d], from [nnz]
        and [n, d]."""
        ...

    def totals_by_feature(self, by_feature: ByFeature, weights: Tensor) -> Tensor:
        """Σ weights [nnz] over the entries of each feature: [F]."""
        ...

    def remove_parallel(self, grad: Tensor, rows: Tensor) -> None:
        """Take from each row of `grad` [F, d] its part along that row of `rows`, of length 1."""
        ...

    def normalise_rows(self, rows: Tensor) -> None:
        """Give every row [F, d] length 1."""
        ...
