"""Whether clamping a category's feature turns what the model writes into that category."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from benchmarks.embedded_model.reading.classify import kind_of
from engine.demo.corpus.generate import PARAGRAPH, documents
from engine.interventions.delta import ResolvedEdit
from engine.interventions.steering import PositionMask, Steering
from engine.model.edit import Edit, reading_edits
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
    error.
    """
    prompts = [encode(lm, trial.prompt) for trial in trials]
    kinds: list[str | None] = []
    mask = PositionMask(first=0, end=None, starts=frozenset((0,)))

    def edits_of(rows: Sequence[int]) -> dict[Site, Edit]:
        changes = [trials[len(kinds) + row].change for row in rows]
        edits = [[change] if change else [] for change in changes]
        return reading_edits(site, site, Steering(sae, edits, [mask] * len(rows)))

    while len(kinds) < len(trials):
        some = prompts[len(kinds) : len(kinds) + _ROWS]
        grown = generate(lm, some, NEW_TOKENS, edits_of=edits_of)
        for text, asked in zip(grown, some, strict=True):
            prompt = trials[len(kinds)].prompt
            kinds.append(kind_of(prompt + decode(lm, text[len(asked) :]), len(prompt)))
        progress("continue prompts", len(kinds), len(trials), "prompts")
    return kinds
