"""Documents as a model sees them: activations to train on without end, and held-out ones."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.activations.reading import Documents, PlacedWindow, Reader, StreamPosition
from engine.activations.source import Rows
from engine.activations.turnover import RowLayout
from engine.activations.windows import (
    PASS_TOKENS,
    POOLED_PASSES,
    checked_context,
    padded,
    passes,
    pools,
)
from engine.errors import UserError
from engine.model.load import LanguageModel
from engine.model.locate import check_site
from engine.model.observe import observe
from engine.model.site import Site
from engine.progress import SILENT, Progress


@dataclass(frozen=True)
class Chunk:
    """Rows that follow on one another in a stream."""

    place: StreamPosition
    """Where the group of windows begins that the first row is from."""
    rows: Rows


@dataclass(frozen=True)
class HeldOut:
    """Held-out text, and what was observed of it."""

    windows: list[PlacedWindow]
    """What the model read, window by window, BOS included; a document's windows in their order."""
    rows: Rows
    """On the CPU, in the order of the windows and their tokens, BOS left out."""


class ObservedDocuments:
    """A corpus read by a model and observed at some sites, all in one forward pass.

    Windows and passes are those of `engine.activations.windows`. BOS is left out, as it is of a
    store's training rows, see `engine.activations.batches.split_documents`.

    Memory: beside the model, one pass of `pass_tokens` at every site, in the model's dtype.
    """

    def __init__(
        self,
        lm: LanguageModel,
        documents: Documents,
        sites: Sequence[Site],
        seed: int,
        *,
        context: int | None = None,
        held_out: float = 0.0,
        pass_tokens: int = PASS_TOKENS,
    ) -> None:
        """`context`: tokens of a window; None: what the model allows, at most 1,024.
        `held_out`: the share of the documents that is never trained on; the seed draws them.

        Raises UserError for a site that isn't there or comes twice, a context that the model can't
        read, and a share that leaves nothing to train on.
        """
        for site in sites:
            check_site(lm, site)
        if len(set(sites)) < len(sites):
            raise UserError("A site is named twice.", "Name every site once.")
        if not 0 <= held_out < 1:
            raise UserError(
                f"A share of {held_out} of the documents can't be held out.",
                "Choose a share from 0 to less than 1.",
            )
        self.kinds = {str(site): RowLayout(lm.d_model, lm.dtype) for site in sites}
        """What the rows of each site are."""
        self._lm = lm
        self._sites = sites
        self._pass_tokens = pass_tokens
        self._reader = Reader(
            lm,
            documents,
            seed,
            checked_context(lm, context),
            held_out,
            group_tokens=POOLED_PASSES * pass_tokens,
        )

    def identity(self) -> dict[str, Any]:
        """What must be the same for the rows to be the same, the documents aside."""
        return {
            "model": self._lm.source,
            "revision": self._lm.revision,
            "dtype": str(self._lm.dtype),
            "sites": list(self.kinds),
            "context": self._reader.context,
            "pass_tokens": self._pass_tokens,
            "held_out": self._reader.held_out,
            "document_seed": self._reader.seed,
        }

    def chunks(self, first: int, place: StreamPosition) -> Iterator[Chunk]:
        """The rows to train on from row `first` of the endless stream, pass by pass.

        `place`: where a group of windows begins that lies at or before that row. From there on text
        is tokenised; the model runs from the pass on that holds the row.
        """
        for group in self._reader.groups(place):
            row = group.place.rows
            for together in passes(group.windows, self._pass_tokens):
                windows = [group.windows[index] for index in together]
                count = self._reader.rows_of(windows)
                if row + count > first:
                    rows = self._observe(windows)
                    skipped = max(0, first - row)
                    yield Chunk(group.place, {name: part[skipped:] for name, part in rows.items()})
                row += count

    def once(self) -> Iterator[Rows]:
        """The rows to train on, every one once, pass by pass."""
        for group in self._reader.once():
            for together in passes(group, self._pass_tokens):
                yield self._observe([group[index] for index in together])

    def held_out(
        self,
        most: int,
        progress: Progress = SILENT,
    ) -> HeldOut:
        """The first `most` activations of held-out documents, or as many as there are.

        Memory: `most` rows at every site, on the CPU.
        Raises UserError when no document is held out.
        """
        windows = self._first_held_out(most)
        if not windows:
            raise UserError(
                "No document is held out to evaluate on.",
                "Hold out a larger share, or give more documents.",
            )
        total, done = self._reader.rows_of(windows), 0
        parts: list[Rows] = []
        for group in pools(windows, self._reader.group_tokens):
            of_window: list[Rows] = [{} for _ in group]
            for together in passes(group, self._pass_tokens):
                progress("observe held-out text", done, total, "tokens")
                counts = [self._reader.rows_of([group[index]]) for index in together]
                rows = self._observe([group[index] for index in together])
                for name, whole in rows.items():
                    for index, part in zip(together, torch.split(whole.cpu(), counts), strict=True):
                        of_window[index][name] = part
                done += sum(counts)
            parts += of_window
        progress("observe held-out text", total, total, "tokens")
        return HeldOut(
            windows, {name: torch.cat([part[name] for part in parts]) for name in self.kinds}
        )

    def _first_held_out(self, most: int) -> list[PlacedWindow]:
        """Held-out windows with `most` rows, the last one cut short; fewer if there are no more."""
        windows: list[PlacedWindow] = []
        for window in self._reader.held_out_windows():
            if most <= 0:
                break
            rows_up_to = self._reader.is_row(window.token_ids).cumsum(0)
            end = int(torch.searchsorted(rows_up_to, most)) + 1
            windows.append(dataclasses.replace(window, token_ids=window.token_ids[:end]))
            most -= min(most, int(rows_up_to[-1]))
        return windows

    def _observe(self, windows: Sequence[PlacedWindow]) -> Rows:
        """One forward pass: the rows of these windows, in their order, on the model's device."""
        ids, mask = padded(windows)
        kept = (mask.bool() & self._reader.is_row(ids)).flatten().nonzero().flatten()
        # Padding is on the right, so no mask is needed; without one, attention is faster.
        seen = observe(self._lm, ids, self._sites)
        return {str(site): self._kept(acts, kept, site) for site, acts in seen.items()}

    def _kept(self, acts: Tensor, kept: Tensor, site: Site) -> Tensor:
        rows = acts.flatten(0, 1).index_select(0, kept.to(acts.device))
        if not torch.isfinite(rows).all():
            raise UserError(
                f"The activations at {site} hold values that are not finite (NaN or infinity).",
                _advice(self._lm.dtype, site),
            )
        return rows


def _advice(dtype: torch.dtype, site: Site) -> str:
    """What to do where a model of this type gives numbers that are not finite."""
    if dtype == torch.float16:
        return "It ran in float16, which ends at 65,504: name another with --model-dtype."
    name = str(dtype).removeprefix("torch.")
    return f"The model itself goes beyond {name}: take an earlier site."
