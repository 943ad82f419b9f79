"""Documents as a model sees them: activations to train on without end, and held-out ones."""

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import torch
from torch import Tensor

from engine.activations.batches.reading import (
    Documents,
    PlacedWindow,
    Reader,
    StreamPosition,
    nothing_to_train_on,
)
from engine.activations.batches.source import Rows
from engine.activations.batches.turnover import RowLayout
from engine.activations.store.norms import row_norms, taken_tokens
from engine.activations.store.row_kinds import Norms, kinds_of, measure_rule
from engine.activations.store.row_summary import RowChoice, RowCounts, RowSummary, SinkRule
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
from engine.model.locate import site_width
from engine.model.observe import observe
from engine.model.site import Site
from engine.model.text import is_text
from engine.progress import SILENT, Progress

MEASURED_TOKENS = 8192
"""Text that the median norms are taken of, in tokens."""

Rules = Mapping[str, SinkRule | None]
"""By site, which norms are those of sinks; None: of none."""


@dataclass(frozen=True)
class Chunk:
    """Rows that follow on one another in a stream."""

    place: StreamPosition
    """Where the pass begins that the first row is from."""
    rows: Rows


@dataclass(frozen=True)
class Pass:
    """What was observed in one forward pass, and what each row is of."""

    rows: Rows
    """On the model's device."""
    token_ids: Tensor
    """[rows] int64, as all that follows, on the CPU."""
    documents: Tensor
    """Index of the document, from 0."""
    windows: Tensor
    """Which window of the document it is in, from 0."""
    positions: Tensor
    """Where in that window, from 0."""


@dataclass(frozen=True)
class HeldOut:
    """Held-out text, and what was observed of it."""

    windows: list[PlacedWindow]
    """What the model read, window by window, BOS included; a document's windows in their order."""
    rows: Rows
    """On the CPU, in the order of the windows and their tokens: those that are taken."""


class ObservedDocuments:
    """A corpus read by a model and observed at some sites, all in one forward pass.

    Windows and passes are those of `engine.activations.windows`. What is left out is what a store's
    training rows leave out, see `engine.activations.batches.stored.split_documents`: a token is
    taken that is of the `choice` at every site. Which norms are those of sinks is measured before
    anything else, on the first 8,192 tokens of the documents that are not held out, unless it is
    given.

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
        choice: RowChoice = "text",
        rules: Rules | None = None,
    ) -> None:
        """`context`: tokens of a window; None: what the model allows, at most 1,024.
        `held_out`: the share of the documents that is never trained on; the seed draws them.
        `rules`: which norms are those of sinks, where that is known.

        Raises UserError for a site that isn't there or comes twice, a context that the model can't
        read, and a share that leaves nothing to train on.
        """
        self.kinds = {str(site): RowLayout(site_width(lm, site), lm.dtype) for site in sites}
        """What the rows of each site are."""
        if len(set(sites)) < len(sites):
            raise UserError("A site is named twice.", "Name every site once.")
        if not 0 <= held_out < 1:
            raise UserError(
                f"A share of {held_out} of the documents can't be held out.",
                "Choose a share from 0 to less than 1.",
            )
        self._lm = lm
        self._sites = sites
        self._pass_tokens = pass_tokens
        self._choice = choice
        self._rules = rules
        self._measured: dict[str, RowSummary] | None = None
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
            # versions before had no other
            **({} if self._choice == "behind_start" else {"choice": self._choice}),
        }

    def state_dict(self) -> dict[str, Any]:
        """What was measured, in JSON's own types: another instance that has it gives the same rows.

        It is measured now if it has not been.
        """
        return {} if self._choice != "text" else {"sink_rules": msgspec.to_builtins(self.rules)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go by what another instance measured."""
        if "sink_rules" in state:
            self._rules = msgspec.convert(state["sink_rules"], dict[str, SinkRule | None])

    @property
    def rules(self) -> Rules:
        """By site, which norms are those of sinks. Raises as `measure`."""
        if self._rules is None:
            self._rules = {site: summary.rule for site, summary in self.measure().items()}
        return self._rules

    def measure(self) -> dict[str, RowSummary]:
        """What the rows of the first 8,192 tokens that aren't held out are, at every site.

        Raises UserError where no activation of them is finite.
        """
        if self._measured is None:
            self._measured = self._measure()
        return self._measured

    def _measure(self) -> dict[str, RowSummary]:
        norms: dict[str, list[Norms]] = {name: [] for name in self.kinds}
        ids: list[Tensor] = []
        for windows in pools(self._first_windows(), self._reader.group_tokens):
            for together in passes(windows, self._pass_tokens):
                some = [windows[index] for index in together]
                read, mask = padded(some)
                ids.append(read[mask.bool()])
                for site, acts in observe(self._lm, read, self._sites).items():
                    norms[str(site)].append(row_norms(acts).cpu()[mask.bool()].numpy())
        read_ids = np.concatenate([np.zeros(0, np.int64), *ids])
        return {
            site: self._summary(np.concatenate([np.zeros(0, np.float32), *parts]), read_ids, site)
            for site, parts in norms.items()
        }

    def _first_windows(self) -> Iterator[PlacedWindow]:
        left = MEASURED_TOKENS
        for window in itertools.chain.from_iterable(self._reader.once()):
            if left <= 0:
                break
            left -= len(window.token_ids)
            yield window

    def _summary(self, norms: Norms, token_ids: np.ndarray[Any, Any], site: str) -> RowSummary:
        of_text = norms[np.isin(token_ids, self._lm.start_ids, invert=True)]
        if len(of_text) and np.isnan(of_text).all():
            raise UserError(
                f"The activations at {site} hold values that are not finite (NaN or infinity).",
                _advice(self._lm.dtype),
            )
        rule = measure_rule(lambda: [of_text])
        kinds = kinds_of(norms, token_ids, start_ids=self._lm.start_ids, rule=rule)
        return RowSummary(rule=rule, counts=RowCounts.of_kinds(kinds))

    def chunks(self, first: int, place: StreamPosition) -> Iterator[Chunk]:
        """The rows to train on from row `first` of the endless stream, pass by pass.

        `place`: where a pass begins that lies at or before that row. From its group on text is
        tokenised, and from that pass on the model runs.
        Raises UserError for documents that give no row.
        """
        row = place.rows
        epoch, epoch_began = place.epoch, None if place.fingerprint else row
        skipped_passes = place.passes
        for group in self._reader.groups(place):
            if group.epoch != epoch:
                if epoch_began == row:
                    raise nothing_to_train_on()
                epoch, epoch_began = group.epoch, row
            begins = group.windows[0]
            for number, together in enumerate(passes(group.windows, self._pass_tokens)):
                if number < skipped_passes:
                    continue
                rows, taken = self._observe([group.windows[index] for index in together])
                count = int(taken.sum())
                if row + count > first:
                    here = StreamPosition(
                        epoch, begins.document, begins.number, row, begins.fingerprint, number
                    )
                    skipped = max(0, first - row)
                    yield Chunk(here, {name: part[skipped:] for name, part in rows.items()})
                row += count
            skipped_passes = 0

    def once(self) -> Iterator[Rows]:
        """The rows to train on, every one once, pass by pass."""
        return (each.rows for each in self.passes())

    def passes(self) -> Iterator[Pass]:
        """The same, with what each row is of."""
        for group in self._reader.once():
            for together in passes(group, self._pass_tokens):
                windows = [group[index] for index in together]
                rows, taken = self._observe(windows)
                window, position = taken.nonzero(as_tuple=True)
                yield Pass(
                    rows=rows,
                    token_ids=padded(windows)[0][taken],
                    documents=torch.tensor([each.document for each in windows])[window],
                    windows=torch.tensor([each.number for each in windows])[window],
                    positions=position,
                )

    def held_out(
        self,
        most: int,
        progress: Progress = SILENT,
    ) -> HeldOut:
        """What is taken of the first `most` tokens of held-out documents' text, or of all of it.

        Memory: `most` rows at every site, on the CPU.
        Raises UserError when no document is held out.
        """
        windows = self._first_held_out(most)
        if not windows:
            raise UserError(
                "No document is held out to evaluate on.",
                "Hold out a larger share, or give more documents.",
            )
        total, done = sum(len(window.token_ids) for window in windows), 0
        parts: list[Rows] = []
        for group in pools(windows, self._reader.group_tokens):
            of_window: list[Rows] = [{} for _ in group]
            for together in passes(group, self._pass_tokens):
                progress("observe held-out text", done, total, "tokens")
                rows, taken = self._observe([group[index] for index in together])
                counts = taken.sum(1).tolist()
                for name, whole in rows.items():
                    for index, part in zip(together, torch.split(whole.cpu(), counts), strict=True):
                        of_window[index][name] = part
                done += sum(len(group[index].token_ids) for index in together)
            parts += of_window
        progress("observe held-out text", total, total, "tokens")
        return HeldOut(
            windows, {name: torch.cat([part[name] for part in parts]) for name in self.kinds}
        )

    def _first_held_out(self, most: int) -> list[PlacedWindow]:
        """Held-out windows with `most` tokens of text, the last one cut short; fewer if there are
        no more."""
        windows: list[PlacedWindow] = []
        for window in self._reader.held_out_windows():
            if most <= 0:
                break
            text_up_to = is_text(self._lm, window.token_ids).cumsum(0)
            end = int(torch.searchsorted(text_up_to, most)) + 1
            windows.append(dataclasses.replace(window, token_ids=window.token_ids[:end]))
            most -= min(most, int(text_up_to[-1]))
        return windows

    def _observe(self, windows: Sequence[PlacedWindow]) -> tuple[Rows, Tensor]:
        """One forward pass: what is taken of these windows, in their order, on the model's device,
        and which tokens that are [windows, longest], on the CPU."""
        ids, mask = padded(windows)
        # Padding is on the right, so no mask is needed; without one, attention is faster.
        seen = observe(self._lm, ids, self._sites)
        taken = mask.bool()
        for site, acts in seen.items():
            rule = self.rules.get(str(site)) if self._choice == "text" else None
            start_ids = self._lm.start_ids
            here = taken_tokens(acts, ids, start_ids=start_ids, rule=rule, choice=self._choice)
            taken &= here.cpu()
        kept = taken.flatten().nonzero().flatten()
        rows = {
            str(site): acts.flatten(0, 1).index_select(0, kept.to(acts.device))
            for site, acts in seen.items()
        }
        return rows, taken


def _advice(dtype: torch.dtype) -> str:
    """What to do where a model of this type gives numbers that are not finite."""
    if dtype == torch.float16:
        return "It ran in float16, which ends at 65,504: name another with --model-dtype."
    name = str(dtype).removeprefix("torch.")
    return f"The model itself goes beyond {name}: take an earlier site."
