"""Where the features of an SAE are active over a list of tokens, and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.activations.windows import Window, padded, passes
from engine.model.load import LanguageModel
from engine.model.observe import observe
from engine.model.site import Site
from engine.progress import Progress
from engine.sae.architectures.base import SparseAutoencoder

_PASS_TOKENS = 4096


@dataclass(frozen=True)
class Active:
    """The (feature, token, value) of every active feature, by feature and then by rising value.

    All that is said of a feature is worked out from these, since all its other values tie: a
    feature is silent at or below the SAE's `active_threshold`. Their number is tokens · l0.
    """

    features: NDArray[np.int64]
    """[pairs]"""
    tokens: NDArray[np.int64]
    """[pairs], from 0 to `n_tokens` - 1."""
    values: NDArray[np.float32]
    """[pairs]"""
    n_features: int
    n_tokens: int

    @classmethod
    def of(
        cls,
        features: NDArray[np.int64],
        tokens: NDArray[np.int64],
        values: NDArray[np.float32],
        *,
        n_features: int,
        n_tokens: int,
    ) -> Self:
        """From pairs in any order."""
        order = np.lexsort((values, features))
        return cls(features[order], tokens[order], values[order], n_features, n_tokens)

    @property
    def counts(self) -> NDArray[np.int64]:
        """[features]: on how many tokens each is active."""
        return np.bincount(self.features, minlength=self.n_features)

    @property
    def ends(self) -> NDArray[np.int64]:
        """[features]: the index behind each feature's last pair."""
        return self.counts.cumsum()

    def maxima(self) -> NDArray[np.float32]:
        """[features]: each one's largest value; 0 where it is silent."""
        maxima = np.zeros(self.n_features, dtype=np.float32)
        maxima[self.features] = self.values  # the last and so the largest pair of each stays
        return maxima

    def among(self, chosen: NDArray[np.bool_]) -> Self:
        """The pairs of the tokens that `chosen` [tokens] says, which are numbered anew."""
        kept = chosen[self.tokens]
        number = chosen.cumsum() - 1
        return type(self)(
            self.features[kept],
            number[self.tokens[kept]],
            self.values[kept],
            self.n_features,
            int(chosen.sum()),
        )


@torch.no_grad()
def read_active(
    lm: LanguageModel,
    sae: SparseAutoencoder,
    site: Site,
    documents: Sequence[Tensor],
    progress: Progress,
) -> tuple[Tensor, Active]:
    """What is at `site` on every token but BOS of `documents`, and which features are active there.

    documents: [tokens] ids each, BOS first. The first result is [all tokens, d_model] in float32.
    """
    lengths = np.array([len(ids) - 1 for ids in documents])
    starts = lengths.cumsum() - lengths
    windows = [Window(ids, begins=None) for ids in documents]
    seen = torch.empty(int(lengths.sum()), lm.d_model)
    found = []
    done = 0
    for together in passes(windows, _PASS_TOKENS):
        ids, mask = padded([windows[index] for index in together])
        batch = observe(lm, ids, [site], attention_mask=mask.to(lm.device))[site]
        for row, index in enumerate(together):
            x = batch[row, 1 : lengths[index] + 1]
            seen[starts[index] : starts[index] + lengths[index]] = x
            acts = sae.encode(x.to(sae.W_dec.device)).cpu()
            tokens, features = (acts > sae.active_threshold).nonzero(as_tuple=True)
            found.append((features, tokens + int(starts[index]), acts[tokens, features]))
        done += len(together)
        progress("read held-out documents", done, len(documents), "documents")
    columns = [torch.cat(column).numpy() for column in zip(*found, strict=True)]
    return seen, Active.of(*columns, n_features=sae.config.d_sae, n_tokens=len(seen))
