"""Whether clamping a category's feature turns what the model writes into that category."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.embedded_model.reading.classify import kind_of
from engine.demo.corpus.generate import PARAGRAPH, documents
from engine.interventions.delta import ResolvedEdit, delta
from engine.interventions.steering import PositionMask
from engine.model.generate import generate
from engine.model.load import LanguageModel
from engine.model.site import Site
from engine.model.text import decode, encode
from engine.progress import Progress
from engine.sae.architectures.base import SparseAutoencoder

NEW_TOKENS = 80
_ROWS = 128


@dataclass(frozen=True)
class Trial:
    """One continuation to be written: a prompt, and the feature that is changed; None: none."""

    prompt: str
    change: ResolvedEdit | None


def neutral_prompts(number: int, seed: int = 3) -> list[str]:
    """Held-out paragraphs of prose, no two alike, each with the empty line behind it.

    In the corpus more prose follows such a paragraph, or else a piece of any of the seven
    categories, of each equally often: the prompt speaks for none of them.
    """
    prose = documents(seed, held_out=True, category="prose")
    return [document.text + PARAGRAPH for document in itertools.islice(prose, number)]


@torch.no_grad()
def kinds_of_continuations(
    lm: LanguageModel,
    sae: SparseAutoencoder,
    site: Site,
    trials: Sequence[Trial],
    progress: Progress,
) -> list[str | None]:
    """The kind of each trial's greedy continuation, as the grammar judges; None: no kind.

    The edit is at every token but BOS, in the prompt and in what is written, and keeps the SAE's
    error. Prompts of equal length share a batch, so that none needs padding.
    """
    ids = [encode(lm, trial.prompt) for trial in trials]
    order = sorted(range(len(trials)), key=lambda i: len(ids[i]))
    kinds: list[str | None] = [None] * len(trials)
    done = 0
    while done < len(order):
        length = len(ids[order[done]])
        batch = [i for i in order[done : done + _ROWS] if len(ids[i]) == length]
        edit = RowEdits(sae, [trials[i].change for i in batch])
        prompts = torch.stack([ids[i] for i in batch])
        grown = generate(lm, prompts.to(lm.device), NEW_TOKENS, edits={site: edit})
        for i, row in zip(batch, grown, strict=True):
            prompt = trials[i].prompt
            kinds[i] = kind_of(prompt + decode(lm, row[length:]), len(prompt))
        done += len(batch)
        progress("continue prompts", done, len(order), "prompts")
    return kinds


class RowEdits:
    """An edit for `engine.model.edit` in which every row of a batch has its own change or none."""

    def __init__(self, sae: SparseAutoencoder, changes: Sequence[ResolvedEdit | None]) -> None:
        self._sae = sae
        self._changes = changes
        self._mask = PositionMask(first=0, end=None, bos=frozenset((0,)))

    def __call__(self, x: Tensor, positions: Tensor) -> Tensor:
        """x [batch, tokens, d_model] and absolute positions [tokens] to x', in x's dtype."""
        read = x.to(self._sae.W_dec.device)
        z = self._sae.encode(read)
        added = torch.stack(
            [
                delta(self._sae, row, acts, [change] if change else [])
                for row, acts, change in zip(read, z, self._changes, strict=True)
            ]
        )
        edited = (x.float() + added.to(x.device)).to(x.dtype)
        return torch.where(self._mask.at(positions).to(x.device)[:, None], edited, x)
