"""The activations of windows that are read in passes of another order than their own."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from engine.activations.windows import Window
from engine.errors import UserError
from engine.model.load import LanguageModel
from engine.model.locate import site_width
from engine.model.site import Site


class PoolRows:
    """What is observed of some windows at some sites, on the CPU.

    Memory: their tokens at every site, in the model's dtype.
    """

    def __init__(self, pool: Sequence[Window], lm: LanguageModel, sites: Sequence[Site]) -> None:
        self._lengths = [len(window.token_ids) for window in pool]
        rows = sum(self._lengths)
        whole = {site: torch.empty(rows, site_width(lm, site), dtype=lm.dtype) for site in sites}
        self._whole = whole
        self.of_windows = {site: torch.split(whole[site], self._lengths) for site in sites}
        """By site, [tokens, width] of every window in its order, when all passes are taken up."""

    def take(self, together: Sequence[int], batch: Mapping[Site, Tensor]) -> None:
        """Take up the activations [windows, tokens, width] of one pass; `together`: which windows
        it was of. What is behind the end of a window is padding."""
        for site, acts in batch.items():
            for index, window in zip(together, acts.cpu(), strict=True):
                self.of_windows[site][index].copy_(window[: self._lengths[index]])

    def check_finite(self) -> None:
        """Raise UserError where no row of a site is finite: there is no use in going on."""
        for site, rows in self._whole.items():
            if not rows.isfinite().all(1).any():
                kind = str(rows.dtype).removeprefix("torch.")
                raise UserError(
                    f"All activations at {site} are NaN or infinite; the model ran in {kind}.",
                    "Take an earlier site, or another type of numbers for the model.",
                )
