"""Which candidates are kept, by their exact values, where estimates found more than are wanted."""

import torch
from torch import Tensor

from engine.sae.kernels.choose import kernels_for
from engine.sae.kernels.support import Support, vectors_of


def keep_top_k(support: Support, values: Tensor, k: int) -> tuple[Support, Tensor]:
    """Of each vector's entries the k largest, as far as their `values` [nnz] are above 0, in the
    order in which they were; and which entries these are, [nnz left] int64."""
    if values.device.type == "cpu" and values.dtype == torch.float32:
        from engine.sae.kernels.cpu.sorting import largest_of_each

        return largest_of_each(support, values, k)
    counts = support.offsets.diff()
    most = int(counts.max()) if len(counts) else 0
    if not most:
        return support, support.offsets.new_empty(0)
    if len(values) == most * len(counts):
        table = values.view(-1, most)
    else:
        rows = vectors_of(support)
        places = torch.arange(len(rows), device=rows.device) - support.offsets[rows]
        table = values.new_zeros(len(counts), most)
        table[rows, places] = values
    kept = kernels_for(values).select_top_k(table, min(k, most))
    entries = (support.offsets[vectors_of(kept)] + kept.features).sort().values
    return Support(kept.offsets, support.features[entries]), entries


def keep_largest(support: Support, values: Tensor, count: int) -> tuple[Support, Tensor, float]:
    """The `count` largest of all entries by their `values` [nnz], which of them they are [nnz left]
    int64, and the smallest value that is kept: 0 where there are fewer, or it is below."""
    # each entry under its own number, so that what is left tells which ones are
    numbers = torch.arange(len(values), dtype=torch.int32, device=values.device)
    kept, border = kernels_for(values).largest(Support(support.offsets, numbers), values, count)
    entries = kept.features.long()
    return Support(kept.offsets, support.features[entries]), entries, max(0.0, border)
