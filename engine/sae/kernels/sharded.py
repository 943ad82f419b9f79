"""What a step's kernels do when the features, or the vectors, lie with several processes.

With one process each function is the kernel of its name. What is chosen is what one process would
choose, but for equal values: of those, the first process's come first.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from engine.sae.kernels.choose import kernels_for
from engine.sae.kernels.support import Support, joined, kept, vectors_of
from engine.sae.parallel import Group


def k_largest(blocks: Iterable[Tensor], k: int, among: Group) -> Support:
    """Of each row of pre-activations the k largest, as far as they are above 0.

    `blocks`: of rows [rows, F], F being the features that this process has of those `among`.
    """
    parts, values = [], []
    for pre in blocks:
        parts.append(_k_largest(pre, min(k, pre.shape[1])))
        if among.size > 1:
            values.append(pre[vectors_of(parts[-1]), parts[-1].features.long()])
    support = joined(parts)
    return support if among.size == 1 else _among_all(support, torch.cat(values), k, among)


def largest(support: Support, values: Tensor, count: int, among: Group) -> tuple[Support, float]:
    """The `count` largest of everybody's entries, whose values are [nnz] and above 0; and the
    smallest that is kept, 0 where there are fewer."""
    if among.size == 1:
        found: tuple[Support, float] = kernels_for(values).largest(support, values, count)
        return found
    values = _exact(values)
    everybody = among.gathered_lists(values)
    all_values = torch.cat(everybody)
    surplus = len(all_values) - count
    if surplus < 0:
        return support, 0.0
    border = all_values.kthvalue(surplus + 1).values
    left = count - int((all_values > border).sum())  # of those that equal the border
    left -= sum(int((theirs == border).sum()) for theirs in everybody[: among.rank])
    at = values == border
    return kept(support, (values > border) | (at & (at.cumsum(0) <= left))), border.item()


def residual(
    target: Tensor, decoder: Tensor, support: Support, acts: Tensor, among: Group
) -> tuple[Tensor, Tensor]:
    """What decoding everybody's acts leaves of `target` [n, d], which is the same for all, and that
    residual · decoder[f] for every entry of one's own."""
    kernels = kernels_for(target)
    if among.size == 1:
        found: tuple[Tensor, Tensor] = kernels.residual(target, decoder, support, acts)
        return found
    left = target - among.sum(kernels.weighted_rows(decoder, support, acts))
    return left, kernels.dots(left, decoder, support)


def _k_largest(pre: Tensor, k: int) -> Support:
    if k == 0:  # none of the features that are asked for is here
        offsets = torch.zeros(len(pre) + 1, dtype=torch.int64, device=pre.device)
        return Support(offsets, torch.empty(0, dtype=torch.int32, device=pre.device))
    support: Support = kernels_for(pre).select_top_k(pre, k)
    return support


def _among_all(support: Support, values: Tensor, k: int, among: Group) -> Support:
    """The entries that are among the k largest of their vector's, everybody's counted."""
    rows = vectors_of(support)
    places = torch.arange(len(rows), device=rows.device) - support.offsets[rows]
    own = _exact(values).new_zeros(len(support.offsets) - 1, k)
    own[rows, places] = _exact(values)
    all_values = torch.cat(among.gathered(own), dim=1)
    order = all_values.sort(dim=1, descending=True, stable=True).indices[:, :k]
    chosen = torch.zeros_like(all_values, dtype=torch.bool).scatter_(1, order, True)
    return kept(support, chosen[rows, places + among.rank * k])


def _exact(values: Tensor) -> Tensor:
    """The same numbers in a type that every backend can send."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
