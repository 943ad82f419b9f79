"""The same edit at several strengths: where an effect begins, and where the text breaks down."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from engine.features.catalogue.catalogue import Catalogue
from engine.interventions.delta import ResolvedEdit, resolve_edits
from engine.interventions.meters import Meter
from engine.interventions.nulls import direction_edits, null_edits
from engine.interventions.prompt_run import LOGITS_AT_ONCE, ModelWithSAE, PromptRun
from engine.interventions.row_effects import RowEffects, measure_rows
from engine.interventions.spec import (
    BREAKING,
    ClampRequest,
    Curve,
    CurveMeasure,
)
from engine.interventions.strengths import edits_at, first_where
from engine.model.generate import logits
from engine.model.load import LanguageModel
from engine.model.predictions import surprisal_per_position
from engine.model.text import decode

NULLS = 10
"""Nulls at each strength, at most: the band that they make, not a test, is what a curve shows."""


def draw_curve(
    subject: ModelWithSAE,
    catalogue: Catalogue,
    request: ClampRequest,
    *,
    stand_ins: Sequence[Sequence[int]],
    effects: Sequence[RowEffects],
    meters: Sequence[Meter],
    begin_prompt: Callable[[int], None],
) -> Curve:
    """Each of `effects`' prompts at each strength of the request, beside the first of its nulls:
    `stand_ins`, where they are features. `begin_prompt` is called with the number of each, from 0.

    All strengths of a prompt are read in the same batches, and all are written in the same.
    """
    strengths = sorted(set(request.strengths))
    maxima = catalogue.maxima([edit.feature for edit in request.edits])
    edits = [resolve_edits(edits_at(request.edits, each), maxima) for each in strengths]
    flat: list[Sequence[ResolvedEdit]] = []
    for strength, own in zip(strengths, edits, strict=True):
        flat.append(own)
        if request.null == "directions":
            number = min(NULLS, request.nulls)
            flat += direction_edits(own, subject.sae.W_dec, number, request.seed)
        else:
            alike = edits_at(request.edits, strength)
            flat += [null_edits(alike, each, catalogue.columns) for each in stand_ins[:NULLS]]
    measured = []
    for number, each in enumerate(effects):
        begin_prompt(number)
        _, values = measure_rows(each.run, flat, meters, each.counted, lambda *_: None)
        # [meters, strengths, the edit and its nulls]
        measured.append(values.reshape(len(meters), len(strengths), -1))
    means = np.mean(measured, axis=0)
    runs = [each.run for each in effects]
    texts, quality, clean_quality = _write(subject, runs, edits, request.generate)
    return Curve(
        strengths=strengths,
        nulls=means.shape[2] - 1,
        measures=[_along(meter, strengths, means[index]) for index, meter in enumerate(meters)],
        texts=texts,
        quality=quality,
        clean_quality=clean_quality,
        breaking=None
        if clean_quality is None
        else first_where(strengths, [each < clean_quality - BREAKING for each in quality]),
    )


def _along(meter: Meter, strengths: Sequence[float], means: np.ndarray) -> CurveMeasure:
    """One meter's curve from [strengths, the edit and its nulls]."""
    own, nulls = means[:, 0], means[:, 1:]
    band = np.quantile(nulls, [0.05, 0.95], axis=1).tolist() if nulls.size else [[], []]
    further = (np.abs(own)[:, None] > np.abs(nulls)).all(1) & bool(nulls.size)
    return CurveMeasure(
        measure=meter.name,
        unit=meter.unit,
        values=own.tolist(),
        low=band[0],
        high=band[1],
        onset=first_where(strengths, further.tolist()),
    )


def _write(
    subject: ModelWithSAE,
    runs: Sequence[PromptRun],
    edits: Sequence[Sequence[ResolvedEdit]],
    tokens: int,
) -> tuple[list[list[str]], list[float], float | None]:
    """What is written at each strength, how likely that is to the clean model, and how likely what
    the clean model writes is."""
    if not tokens:
        return [], [], None
    asked = [run.token_ids[: run.prompt_tokens] for run in runs]
    masks = [run.mask for run in runs]
    rows = [own for own in edits for _ in runs]
    written = subject.write(asked * len(edits), rows, masks * len(edits), tokens)
    starts = [run.prompt_tokens for run in runs]
    likely = [*_logp_per_token(subject.lm, written, starts * len(edits))]
    clean = [*_logp_per_token(subject.lm, [run.token_ids for run in runs], starts)]
    groups = [slice(start, start + len(runs)) for start in range(0, len(written), len(runs))]
    texts = [
        [decode(subject.lm, ids[start:]) for ids, start in zip(written[group], starts, strict=True)]
        for group in groups
    ]
    return texts, [float(np.mean(likely[group])) for group in groups], float(np.mean(clean))


@torch.no_grad()
def _logp_per_token(
    lm: LanguageModel, texts: Sequence[Tensor], starts: Sequence[int]
) -> Iterator[float]:
    """Of each text [tokens], log p per token from its start on under the clean model, in nats."""
    longest = max(len(text) for text in texts)
    at_once = max(1, LOGITS_AT_ONCE // (longest * lm.vocab_size))
    for first in range(0, len(texts), at_once):
        some = texts[first : first + at_once]
        # shorter rows are padded on the right, where no token sees it
        scores = logits(lm, pad_sequence(list(some), batch_first=True))
        for row, (text, start) in enumerate(
            zip(some, starts[first : first + at_once], strict=True)
        ):
            said = scores[row, start - 1 : len(text) - 1]
            surprisal = surprisal_per_position(said, text[start:])
            yield -surprisal.mean().item() if len(surprisal) else 0.0
