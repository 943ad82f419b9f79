"""Which features are active in a text, on which tokens, and how strongly."""

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.blocks import rows_per_block


@dataclass(frozen=True)
class ActiveFeatures:
    """The features that are active on some token of a text, with their acts wherever those are not
    0: an SAE whose features have a threshold decodes what lies below it, too.

    Entries are sorted by feature, then by token.
    """

    features: Tensor
    """[active] int64, ascending."""
    starts: Tensor
    """[active + 1] int64: the entries of features[i] are starts[i] to starts[i + 1]."""
    tokens: Tensor
    """[entries] int64."""
    acts: Tensor
    """[entries] float32."""
    length: int
    """Tokens of the text."""

    def row_of(self) -> Tensor:
        """[entries] int64: the index into `features` of each entry."""
        rows = torch.arange(len(self.features), device=self.starts.device)
        return rows.repeat_interleave(self.starts.diff())

    def peaks(self) -> Tensor:
        """[active]: the largest act of each feature."""
        none = self.acts.new_zeros(len(self.features))
        return none.scatter_reduce(0, self.row_of(), self.acts, "amax")

    def over_tokens(self, index: int) -> Tensor:
        """The acts of features[index] at every token of the text: [length]."""
        entries = slice(int(self.starts[index]), int(self.starts[index + 1]))
        return self.acts.new_zeros(self.length).index_put(
            (self.tokens[entries],), self.acts[entries]
        )


@torch.no_grad()
def active_features(sae: SparseAutoencoder, x: Tensor, counted: Tensor) -> ActiveFeatures:
    """What is active on those tokens of activations x [tokens, d_in] that `counted` [tokens] names.

    Memory: blocks of 64 MiB, and 20 bytes an entry.
    """
    device, d_sae = sae.W_dec.device, sae.config.d_sae
    active = torch.zeros(d_sae, dtype=torch.bool, device=device)
    parts = [tuple(torch.empty(0, dtype=kind, device=device) for kind in (torch.int64,) * 2)]
    values = [torch.empty(0, device=device)]
    for rows in torch.split(counted.nonzero()[:, 0], rows_per_block(d_sae)):
        acts = sae.encode(x[rows].to(device))
        active |= (acts > sae.active_threshold).any(0)
        here, features = acts.nonzero(as_tuple=True)
        parts.append((features, rows.to(device)[here]))
        values.append(acts[here, features])
    features, tokens = (torch.cat(column) for column in zip(*parts, strict=True))
    kept = active[features].nonzero()[:, 0]
    order = kept[features[kept].argsort(stable=True)]
    ids = active.nonzero()[:, 0]
    counts = features[order].bincount(minlength=d_sae)[ids]
    return ActiveFeatures(
        features=ids,
        starts=torch.cat([counts.new_zeros(1), counts.cumsum(0)]),
        tokens=tokens[order],
        acts=torch.cat(values)[order],
        length=len(x),
    )
