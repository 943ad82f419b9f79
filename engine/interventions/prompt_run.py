"""A model with an SAE at one of its sites, reading texts."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
import torch
from torch import Tensor

from engine.errors import UserError
from engine.features.catalogue.catalogue import Catalogue
from engine.features.left_out import LeftOut
from engine.interventions.delta import ResolvedEdit, acts_of, delta
from engine.interventions.spec import ClampRequest
from engine.interventions.steering import PositionMask, Steering
from engine.model.edit import Edit, reading_edits
from engine.model.generate import generate as generate_texts
from engine.model.load import LanguageModel
from engine.model.locate import show_site
from engine.model.observe import observe
from engine.model.prompt import ChatChoice, Prompt, text_of
from engine.model.site import Site
from engine.model.text import encode, is_text
from engine.model.variants import keeps_logits, logits_of_variants
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.evaluation.sites import check_sites
from engine.sae.formats.input_rule import WHOLE, InputRule

LOGITS_AT_ONCE = 1 << 27
"""Logits of a batch, 512 MiB in float32."""
PROMPTS_TOGETHER = 64
"""Prompts of a request that are continued together at most."""
_WIDEST = 16
"""Numbers that a layer holds at a time for each of d_model: those of its MLP, and of attention."""


@dataclass(frozen=True)
class ModelWithSAE:
    """A language model with an SAE at one of its sites: what interventions act on."""

    lm: LanguageModel
    sae: SparseAutoencoder
    site: Site
    """What it reads."""
    max_norm: float | None = None
    """A token whose activation at the site is longer than this is an attention sink, and is left
    as it is; None: none is known to be one."""
    input_rule: InputRule = WHOLE
    """What the SAE is to be given of what the model reads."""
    target: Site | None = None
    """For a transcoder: what it predicts, where its features write. None: it is none."""
    target_max_norm: float | None = None
    """`max_norm` at the target, where the sinks are others."""

    @classmethod
    def from_scan(
        cls,
        lm: LanguageModel,
        sae: SparseAutoencoder,
        site: Site,
        catalogue: Catalogue,
        target: Site | None = None,
    ) -> Self:
        """An SAE in its model, with the limit that its scan took for the length of text."""
        rows = catalogue.manifest.row_summary
        max_norm = None if rows is None or rows.rule is None else rows.rule.max_norm
        return cls(lm, sae, site, max_norm, target=target)

    @property
    def edited_site(self) -> Site:
        """Where its features write, and edits of them are made."""
        return self.target or self.site

    def check(self) -> None:
        """Raise UserError if SAE, model and sites can't belong together."""
        check_sites(self.lm, self.sae.config, self.site, self.target)

    def check_described_by(self, catalogue: Catalogue) -> None:
        """Raise UserError if the catalogue is of an SAE of another width."""
        if self.sae.config.d_sae != len(catalogue):
            raise UserError(
                f"The catalogue describes {len(catalogue)} features, but the SAE has "
                f"{self.sae.config.d_sae}.",
                "Scan the SAE again.",
            )

    def runs_of(
        self, request: ClampRequest, edits: Sequence[ResolvedEdit] = ()
    ) -> "Iterator[list[PromptRun]]":
        """A request's prompts as `read_prompts` has them, `PROMPTS_TOGETHER` at a time."""
        for start in range(0, len(request.prompts), PROMPTS_TOGETHER):
            yield self.read_prompts(
                request.prompts[start : start + PROMPTS_TOGETHER],
                generate=request.generate,
                positions=request.positions,
                chat=request.chat,
                edits=edits,
            )

    def read_prompts(
        self,
        prompts: Sequence[str | Prompt],
        *,
        generate: int = 0,
        positions: tuple[int, int | None] = (0, None),
        chat: ChatChoice = False,
        edits: Sequence[ResolvedEdit] = (),
    ) -> "list[PromptRun]":
        """Prompts, their tokens, and the greedy continuations of the clean and the edited model.

        All are written in the same batches. `generate`, `positions` and `chat` mean what they mean
        in a `ClampRequest`; without `edits` nothing is written by an edited model.

        Raises UserError for a prompt without tokens, or one that leaves no room to continue.
        """
        asked = [self._encode(prompt, generate, chat) for prompt in prompts]
        first, end = positions
        starts = [(~is_text(self.lm, ids)).nonzero().flatten().tolist() for ids in asked]
        masks = [
            PositionMask(
                first,
                end,
                frozenset(each),
                self.max_norm,
                self._not_given(ids, generate),
                self.target_max_norm,
            )
            for each, ids in zip(starts, asked, strict=True)
        ]
        clean = edited = asked
        if generate:
            doubled = [*asked, *asked] if edits else asked

            rows = [*([()] * len(asked)), *([edits] * len(asked))]
            written = self.write(doubled, rows[: len(doubled)], [*masks, *masks], generate)
            clean, edited = written[: len(asked)], written[-len(asked) :]
        return [
            PromptRun(self, text_of(prompt), text, len(ids), mask, changed[len(ids) :])
            for prompt, ids, mask, text, changed in zip(
                prompts, asked, masks, clean, edited, strict=True
            )
        ]

    def write(
        self,
        prompts: Sequence[Tensor],
        rows: Sequence[Sequence[ResolvedEdit]],
        masks: Sequence[PositionMask],
        tokens: int,
    ) -> list[Tensor]:
        """Each of `prompts` (token ids [tokens]) with its greedy continuation under the edits of
        its row; many share a batch."""

        def edits_of(batch: Sequence[int]) -> dict[Site, Edit]:
            changes = [rows[row] for row in batch]
            return self.edits(changes, [masks[row] for row in batch]) if any(changes) else {}

        return generate_texts(self.lm, prompts, tokens, edits_of=edits_of)

    def edits(
        self, rows: Sequence[Sequence[ResolvedEdit]], masks: Sequence[PositionMask]
    ) -> dict[Site, Edit]:
        """For `engine.model.edit`: row b of a batch gets the edits `rows[b]` where `masks[b]` lets
        them."""
        return reading_edits(self.site, self.edited_site, Steering(self.sae, rows, masks))

    def _not_given(self, ids: Tensor, generate: int) -> frozenset[int]:
        """The positions of a prompt's tokens [tokens], and of those that are written after it, that
        the SAE isn't given. Which tokens are written isn't known: of them only positions count."""
        tokens = np.pad(ids.cpu().numpy(), (0, generate), constant_values=-1)
        given = self.input_rule.applies(tokens, np.arange(len(tokens)), self.lm.special_ids)
        return frozenset(np.flatnonzero(~given).tolist())

    def _encode(self, prompt: str | Prompt, generate: int, chat: ChatChoice) -> Tensor:
        """The token ids of a prompt, on the model's device."""
        ids = encode(self.lm, prompt, chat=chat).to(self.lm.device)
        if not len(ids):
            raise UserError(f"The prompt {text_of(prompt)!r} holds no token.", "Leave it out.")
        if len(ids) + generate > self.lm.context:
            more, less = (f" and {generate} more", " or generate less") if generate else ("", "")
            raise UserError(
                f"A prompt of {len(ids)} tokens{more} can't fit into the {self.lm.context} that "
                f"{self.lm.source} can read.",
                f"Shorten the prompt{less}.",
            )
        return ids


@dataclass(frozen=True)
class Outcomes:
    """What comes of a text under several edits; the first row is of the clean model."""

    logits: Tensor
    """[rows, tokens, vocab]."""
    activations: Mapping[Site, Tensor]
    """[rows, tokens, width] at each site that was asked for."""


@dataclass(frozen=True)
class PromptRun:
    """A prompt with the clean model's continuation, and where in it an edit may touch."""

    subject: ModelWithSAE
    prompt: str
    token_ids: Tensor
    """[tokens]: the prompt and the clean model's continuation."""
    prompt_tokens: int
    mask: PositionMask
    edited_ids: Tensor
    """What the edited model writes after the prompt; nothing where no edits were given."""

    @property
    def positions(self) -> Tensor:
        """[tokens]: 0, 1, 2, …"""
        return torch.arange(len(self.token_ids), device=self.token_ids.device)

    def activations(self) -> Tensor:
        """The clean model's activations at the site that is read: [tokens, d_in]."""
        site = self.subject.site
        return observe(self.subject.lm, self.token_ids[None], [site])[site][0]

    def left_out(self, x: Tensor, y: Tensor | None = None) -> list[LeftOut]:
        """The positions that were asked for and are not edited, given activations x and y as
        `PositionMask.at`."""
        wanted = self.mask.within(self.positions)
        starts = wanted & self.mask.is_start(self.positions)
        sinks = wanted & ~starts & self.mask.is_sink(x, y)
        not_given = wanted & ~starts & ~sinks & self.mask.is_not_given(self.positions)
        return [
            LeftOut(
                position=place,
                reason="start" if starts[place] else "sink" if sinks[place] else "not_given",
            )
            for place in (starts | sinks | not_given).nonzero().flatten().tolist()
        ]

    def added_by(self, x: Tensor, y: Tensor, edits: Sequence[ResolvedEdit]) -> Tensor:
        """What some edits add to y [tokens, d_out] at the edited site where x [tokens, d_in] is
        read of this text, in float32: [tokens, d_out]."""
        sae = self.subject.sae
        read = x.to(sae.W_dec.device)
        acts = acts_of(sae, read, [edit.feature for edit in edits])
        added = delta(sae, read, acts, edits).to(x.device)
        return added * self.mask.at(self.positions, x, y)[:, None]

    def outcomes_under(
        self, rows: Sequence[Sequence[ResolvedEdit]], sites: Collection[Site] = ()
    ) -> Iterator["Outcomes"]:
        """What comes of the clean model and of some rows of edits, until all rows have come in
        their order; with activations at `sites`, the edited one or such as are computed later.

        All read the whole text. The clean model comes first every time, so that what is compared
        was computed by the same kernels.
        """
        subject, at_once = self.subject, self.rows_at_once()
        for start in range(0, len(rows), at_once):
            some = [(), *rows[start : start + at_once]]
            steering = Steering(subject.sae, some, [self.mask] * len(some))
            seen: dict[Site, Tensor] = {}

            def edit(
                x: Tensor,
                y: Tensor,
                positions: Tensor,
                steering: Steering = steering,
                seen: dict[Site, Tensor] = seen,
            ) -> Tensor:
                edited = steering(x, y, positions)
                if subject.edited_site in sites:
                    seen[subject.edited_site] = edited
                return edited

            with ExitStack() as hooks:
                for site in set(sites) - {subject.edited_site}:
                    for handle in show_site(subject.lm, site, partial(_keep, seen, site)):
                        hooks.callback(handle.remove)
                logits = logits_of_variants(
                    subject.lm,
                    self.token_ids,
                    subject.edited_site,
                    edit,
                    len(some),
                    read=subject.site,
                )
            yield Outcomes(logits, seen)

    def rows_at_once(self, *, last_only: bool = False) -> int:
        """How many rows beside the clean one keep a batch's logits within `LOGITS_AT_ONCE`."""
        tokens = 1 if last_only and keeps_logits(self.subject.lm) else len(self.token_ids)
        largest = LOGITS_AT_ONCE // (tokens * self.subject.lm.vocab_size)
        # the activations of rows without logits take their room, too
        tallest = LOGITS_AT_ONCE // (len(self.token_ids) * self.subject.lm.d_model * _WIDEST)
        return max(1, min(largest, tallest) - 1)


def _keep(seen: dict[Site, Tensor], site: Site, x: Tensor) -> None:
    """Keep a copy of what is at a site: what the model goes on with may change where it is."""
    seen[site] = x.clone()
