"""A model with an SAE at one of its sites, reading one text."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.errors import UserError
from engine.features.catalogue.catalogue import Catalogue
from engine.interventions.delta import ResolvedEdit, delta
from engine.interventions.steering import PositionMask, Steering
from engine.model.edit import Edit
from engine.model.generate import generate, logits
from engine.model.load import LanguageModel
from engine.model.locate import check_site
from engine.model.observe import observe
from engine.model.prompt import ChatChoice, Prompt, text_of
from engine.model.site import Site
from engine.model.text import encode, is_text
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.formats.input_rule import WHOLE, InputRule

LOGITS_AT_ONCE = 1 << 27
"""Logits of a batch, 512 MiB in float32."""


@dataclass(frozen=True)
class ModelWithSAE:
    """A language model with an SAE at one of its sites: what interventions act on."""

    lm: LanguageModel
    sae: SparseAutoencoder
    site: Site
    rule: InputRule = WHOLE
    """What the SAE is to be given of what the model reads."""

    def check(self) -> None:
        """Raise UserError if SAE, model and site can't belong together."""
        check_site(self.lm, self.site)
        if self.sae.config.transcodes:
            raise UserError(
                "The SAE is a transcoder: its features write somewhere else than it reads.",
                "Use an SAE that reconstructs what it reads.",
            )
        if self.sae.config.d_in != self.lm.d_model:
            raise UserError(
                f"The SAE reads activations of width {self.sae.config.d_in}, but those of "
                f"{self.lm.source} are {self.lm.d_model} wide.",
                "Choose the model that the SAE was trained on.",
            )

    def check_described_by(self, catalogue: Catalogue) -> None:
        """Raise UserError if the catalogue is of an SAE of another width."""
        if self.sae.config.d_sae != len(catalogue):
            raise UserError(
                f"The catalogue describes {len(catalogue)} features, but the SAE has "
                f"{self.sae.config.d_sae}.",
                "Scan the SAE again.",
            )

    def read_prompt(
        self,
        prompt: str | Prompt,
        *,
        generate: int = 0,
        positions: tuple[int, int | None] = (0, None),
        chat: ChatChoice = False,
    ) -> "PromptRun":
        """A prompt, its tokens and the clean model's greedy continuation.

        `generate`, `positions` and `chat` mean what they mean in a `ClampRequest`.

        Raises UserError for a prompt without tokens, or one that leaves no room to continue.
        """
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
        token_ids = self.continue_text(ids, generate)
        first, end = positions
        starts = (~(is_text(self.lm, ids) & self._is_given(ids))).nonzero().flatten().tolist()
        if self.rule.stop is not None:
            end = self.rule.stop if end is None else min(end, self.rule.stop)
        return PromptRun(
            self, text_of(prompt), token_ids, len(ids), PositionMask(first, end, frozenset(starts))
        )

    def _is_given(self, ids: Tensor) -> Tensor:
        """[tokens] bool: which tokens [tokens] of a text the SAE is to be given."""
        found = self.rule.applies(ids.cpu().numpy(), np.arange(len(ids)), self.lm.special_ids)
        return torch.from_numpy(found).to(ids.device)

    def continue_text(
        self, ids: Tensor, most: int, edits: Mapping[Site, Edit] | None = None
    ) -> Tensor:
        """Token ids [tokens] and what the model writes after them greedily: at most `most` more."""
        if most == 0:
            return ids
        return generate(self.lm, ids[None], most, edits=edits)[0]


@dataclass(frozen=True)
class PromptRun:
    """A prompt with the clean model's continuation, and where in it an edit may touch."""

    subject: ModelWithSAE
    prompt: str
    token_ids: Tensor
    """[tokens]: the prompt and the clean model's continuation."""
    prompt_tokens: int
    mask: PositionMask

    @property
    def touched(self) -> Tensor:
        """[tokens] bool: where the edit applies in the model."""
        return self.mask.at(self._positions)

    @property
    def in_positions(self) -> Tensor:
        """[tokens] bool: the positions asked for, beginning of sequence or not."""
        return dataclasses.replace(self.mask, bos=frozenset()).at(self._positions)

    def activations(self) -> Tensor:
        """The clean model's activations at the site: [tokens, d_model]."""
        site = self.subject.site
        return observe(self.subject.lm, self.token_ids[None], [site])[site][0]

    def added_by(self, edits: Sequence[ResolvedEdit]) -> Tensor:
        """What some edits add to the activations at the site: [tokens, d_model] float32."""
        sae = self.subject.sae
        x = self.activations().to(sae.W_dec.device)
        added = delta(sae, x, sae.encode(x), edits)
        return added.to(self.touched.device) * self.touched[:, None]

    def steering(self, *rows: Sequence[ResolvedEdit]) -> dict[Site, Steering]:
        """The edit of the model that makes row b of `rows` in row b of a batch."""
        return {self.subject.site: Steering(self.subject.sae, rows, self.mask)}

    def edited_continuation(self, edits: Sequence[ResolvedEdit], most: int) -> Tensor:
        """What the edited model writes after the prompt, greedily: [at most `most` tokens]."""
        prompt = self.token_ids[: self.prompt_tokens]
        return self.subject.continue_text(prompt, most, self.steering(edits))[self.prompt_tokens :]

    def logits_under(
        self, rows: Sequence[Sequence[ResolvedEdit]]
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """For each row of edits the logits [tokens, vocab] of the clean and the edited model.

        Both read the whole text. Every batch holds the clean model as its first row, so that the
        two were computed by the same kernels.
        """
        lm, at_once = self.subject.lm, self.rows_at_once
        for start in range(0, len(rows), at_once):
            some = rows[start : start + at_once]
            batch = self.token_ids.expand(len(some) + 1, -1)
            clean, *edited = logits(lm, batch, self.steering((), *some))
            for row in edited:
                yield clean, row

    @property
    def rows_at_once(self) -> int:
        """How many rows beside the clean one keep a batch's logits within 2^27 numbers."""
        logits_of_a_row = len(self.token_ids) * self.subject.lm.vocab_size
        return max(1, LOGITS_AT_ONCE // logits_of_a_row - 1)

    @property
    def _positions(self) -> Tensor:
        return torch.arange(len(self.token_ids), device=self.token_ids.device)
