"""What a step's kernels do when the features, or the vectors, lie with several processes.

With one process each function is the kernel of its name. What is selected is what one process would
select, but for equal values: of those, the first process's come first.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from engine.sae.kernels.choose import kernels_for
from engine.sae.kernels.support import Support, concatenate, subset, vectors_of
from engine.sae.parallel import ProcessGroup


def select_top_k(blocks: Iterable[Tensor], k: int, group: ProcessGroup) -> Support:
    """Of each row of pre-activations the k largest, as far as they are above 0.

    `blocks`: of rows [rows, F], F being the features that this process has of the group's. Gives
    this process's entries.
    """
    parts, values = [], []
    for pre in blocks:
        parts.append(_select_local_top_k(pre, min(k, pre.shape[1])))
        if group.size > 1:
            values.append(pre[vectors_of(parts[-1]), parts[-1].features.long()])
    support = concatenate(parts)
    return support if group.size == 1 else _merge_top_k(support, torch.cat(values), k, group)


def largest(
    support: Support, values: Tensor, count: int, group: ProcessGroup
) -> tuple[Support, float]:
    """The `count` largest of the group's entries, as far as this process has them; and the smallest
    that is kept anywhere, 0 where there are fewer. `values`: [nnz], above 0."""
    if group.size == 1:
        return kernels_for(values).largest(support, values, count)
    values = _exact(values)
    by_process = group.all_gather_ragged(values)
    all_values = torch.cat(by_process)
    surplus = len(all_values) - count
    if surplus < 0:
        return support, 0.0
    border = all_values.kthvalue(surplus + 1).values
    at_border = count - int((all_values > border).sum())  # how many of those that equal it
    at_border -= sum(int((theirs == border).sum()) for theirs in by_process[: group.rank])
    at = values == border
    keep = (values > border) | (at & (at.cumsum(0) <= at_border))
    return subset(support, keep), border.item()


def residual_and_dots(
    target: Tensor, W_dec: Tensor, support: Support, acts: Tensor, group: ProcessGroup
) -> tuple[Tensor, Tensor]:
    """What decoding the whole group's acts leaves of `target` [n, d], which is the same for all;
    and residual · W_dec[f] for every entry of this process's: [nnz]."""
    kernels = kernels_for(target)
    if group.size == 1:
        return kernels.residual_and_dots(target, W_dec, support, acts)
    residual = target - group.all_reduce(kernels.weighted_rows(W_dec, support, acts))
    return residual, kernels.dots(residual, W_dec, support)


def _select_local_top_k(pre: Tensor, k: int) -> Support:
    if k == 0:  # none of the features that are asked for is here
        offsets = torch.zeros(len(pre) + 1, dtype=torch.int64, device=pre.device)
        return Support(offsets, torch.empty(0, dtype=torch.int32, device=pre.device))
    return kernels_for(pre).select_top_k(pre, k)


def _merge_top_k(support: Support, values: Tensor, k: int, group: ProcessGroup) -> Support:
    """Of this process's entries those that are among the k largest of their vector in the group."""
    rows = vectors_of(support)
    places = torch.arange(len(rows), device=rows.device) - support.offsets[rows]
    own = _exact(values).new_zeros(len(support.offsets) - 1, k)
    own[rows, places] = _exact(values)
    all_values = torch.cat(group.all_gather(own), dim=1)  # [n, processes · k]
    order = all_values.sort(dim=1, descending=True, stable=True).indices[:, :k]
    chosen = torch.zeros_like(all_values, dtype=torch.bool).scatter_(1, order, True)
    return subset(support, chosen[rows, places + group.rank * k])


def _exact(values: Tensor) -> Tensor:
    """`values` unchanged, in a type that every backend of torch.distributed can send."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
