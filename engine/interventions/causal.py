"""The model view: the edit inside the running model, and what follows from it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
import torch
from torch import Tensor

from engine.features.catalogue.catalogue import Catalogue
from engine.interventions.checks import CheckedRun, check_runs, combine_checks
from engine.interventions.curve import draw_curve
from engine.interventions.delta import ResolvedEdit, resolve_edits
from engine.interventions.measure_notation import parse_measure
from engine.interventions.measures import (
    cross_entropy,
    first_divergence,
    next_token_table,
)
from engine.interventions.meters import Meter, make_meters
from engine.interventions.nulls import (
    direction_edits,
    flip,
    matched_features,
    null_edits,
    where_silent,
)
from engine.interventions.prompt_run import ModelWithSAE, Outcomes
from engine.interventions.reproduction import reproduction_command
from engine.interventions.row_effects import (
    RowEffects,
    measure_rows,
    needs_more_nulls,
    pooled_effects,
)
from engine.interventions.shift import measure_shift
from engine.interventions.spec import Checks, ClampRequest, EditedPrompt, ModelReport, NextToken
from engine.interventions.warnings import report_warnings
from engine.model.interruptible import interruptible
from engine.model.padding import note_on_padding
from engine.model.text import decode, vocabulary
from engine.progress import Progress


@torch.no_grad()
def model_view(
    subject: ModelWithSAE, catalogue: Catalogue, request: ClampRequest, progress: Progress
) -> ModelReport:
    """Make a request's edits inside the running model, and measure what follows.

    All prompts are continued together, by the clean and the edited model; then each is read once up
    to the site, and from there on by the clean model, the edited one and those of the nulls.

    The request must have passed `check_request`. `progress` is called throughout, within each pass
    of the model too.
    """
    features = [edit.feature for edit in request.edits]
    maxima = catalogue.maxima(features)
    edits = resolve_edits(request.edits, maxima)
    rows = _rows(subject, catalogue, request, edits)
    texts = vocabulary(subject.lm)
    measures = [parse_measure(text) for text in request.measures]
    meters = make_meters(measures, subject, catalogue, features[0], texts)
    tested = min(1, len(measures))
    total = len(request.prompts)
    prompts: list[EditedPrompt] = []
    effects: list[RowEffects] = []

    phase, done = "clamp", 0

    def tick() -> None:
        progress(phase, done, total, "prompts")

    def begin_prompt(number: int) -> None:
        nonlocal done
        done = number
        tick()

    tick()
    checks: list[Checks] = []
    with interruptible(subject.lm, tick):
        if request.generate:
            note_on_padding(subject.lm, len(request.prompts), progress)
        for runs in subject.runs_of(request, edits):
            for checked in check_runs(runs, edits):
                checks.append(checked.checks)
                prompt, found = _edit_prompt(checked, rows.first, meters, texts, tick)
                prompts.append(prompt)
                effects.append(found)
                done = len(prompts)
        drawn = rows.drawn_first
        for more in rows.more:
            if not needs_more_nulls(effects, tested):
                break
            drawn += len(more)
            phase = f"compare with null {drawn - len(more) + 1} to {drawn}"
            for number, found in enumerate(effects):
                begin_prompt(number)
                found.add(measure_rows(found.run, more, meters, found.counted, lambda *_: None)[1])
        curve = None
        if request.strengths:
            phase = "draw the curve"
            curve = draw_curve(
                subject,
                catalogue,
                request,
                stand_ins=rows.stand_ins,
                effects=effects,
                meters=meters,
                begin_prompt=begin_prompt,
            )
    prompts = [
        msgspec.structs.replace(
            prompt, effects=found.effects(meters), null=found.effects(meters[:1])[0].null
        )
        for prompt, found in zip(prompts, effects, strict=True)
    ]
    progress("clamp", total, total, "prompts")
    return ModelReport(
        feature=features[0],
        operation=request.edits[0].operation,
        edits=request.edits,
        maxima=maxima,
        corpus=catalogue.manifest.activations,
        site=str(subject.edited_site),
        read_site="" if subject.target is None else str(subject.site),
        prompts=prompts,
        null_features=rows.stand_ins[:drawn],
        checks=combine_checks(checks),
        pooled=pooled_effects(effects, meters, tested=tested if rows.more else None),
        curve=curve,
        warnings=report_warnings(request, catalogue, prompts, drawn),
        reproduce=reproduction_command(request),
    )


class _Rows(NamedTuple):
    """The rows of edits that a text is read under."""

    first: list[Sequence[ResolvedEdit]]
    """The edit; where there are to be nulls its controls, and the nulls that are drawn anyway."""
    drawn_first: int
    """How many nulls are among them."""
    more: list[list[Sequence[ResolvedEdit]]]
    """Blocks of further nulls, drawn while the answer isn't clear."""
    stand_ins: list[list[int]]
    """The features of all nulls; none where these are directions."""


def _rows(
    subject: ModelWithSAE,
    catalogue: Catalogue,
    request: ClampRequest,
    edits: Sequence[ResolvedEdit],
) -> _Rows:
    """The rows of a request: the nulls are the same for all its prompts."""
    most = max(request.nulls, request.most_nulls) if request.nulls else 0
    features, W_dec = [edit.feature for edit in request.edits], subject.sae.W_dec
    stand_ins: list[list[int]] = []
    nulls: list[Sequence[ResolvedEdit]]
    if request.null == "directions":
        nulls = [*direction_edits(edits, W_dec, most, request.seed)]
    else:
        stand_ins = matched_features(catalogue.columns, features, most, request.seed)
        nulls = [null_edits(request.edits, each, catalogue.columns) for each in stand_ins]
    controls = [flip(edits, W_dec), where_silent(edits)] if request.nulls else []
    at_once = max(1, request.nulls)
    blocks = [nulls[start : start + at_once] for start in range(0, len(nulls), at_once)]
    now, more = (blocks[0], blocks[1:]) if blocks else ([], [])
    return _Rows([edits, *controls, *now], len(now), more, stand_ins)


def _edit_prompt(
    checked: CheckedRun,
    rows: Sequence[Sequence[ResolvedEdit]],
    meters: Sequence[Meter],
    texts: list[str],
    tick: Callable[[], None],
) -> tuple[EditedPrompt, RowEffects]:
    """What the first row of edits does to one prompt, and the effects of all rows."""
    run, x, y = checked.run, checked.read, checked.written
    lm = run.subject.lm
    added = run.added_by(x, y, rows[0])
    touched, sinks = run.mask.at(run.positions, x, y), run.mask.is_sink(x, y)
    relative = added[touched].norm(dim=-1) / y[touched].float().norm(dim=-1)
    prompt_ids = run.token_ids[: run.prompt_tokens]
    baseline = run.token_ids[run.prompt_tokens :]
    counted = ~sinks if not sinks.all() else sinks
    seen: list[_FirstBatch] = []

    def look(outcomes: Outcomes, readings: list[Tensor]) -> None:
        tick()
        if not seen:
            before, after = (cross_entropy(each, prompt_ids) for each in outcomes.logits[:2])
            last = outcomes.logits[:2, run.prompt_tokens - 1]
            seen.append(
                _FirstBatch(
                    readings[0][1].tolist(),
                    None if before is None or after is None else after - before,
                    next_token_table(last[0], last[1], texts),
                )
            )

    before, values = measure_rows(run, rows, meters, counted, look)
    (first,) = seen
    prompt = EditedPrompt(
        prompt=run.prompt,
        tokens=[texts[i] for i in run.token_ids.tolist()],
        prompt_tokens=run.prompt_tokens,
        edited_tokens=int(touched.sum()),
        left_out=run.left_out(x, y),
        kl=float(values[0, 0]),
        kl_per_position=first.kl,
        delta_ce=first.delta_ce,
        relative_norm=relative.mean().item() if len(relative) else 0.0,
        next_token=first.next_token,
        baseline_text=decode(lm, baseline),
        edited_text=decode(lm, run.edited_ids),
        divergence=first_divergence(baseline.tolist(), run.edited_ids.tolist()),
        null=None,
        **measure_shift(added, sinks),
    )
    return prompt, RowEffects(run, counted, before, values)


class _FirstBatch(NamedTuple):
    """What is read off the first batch, in which the clean model and the edited one are."""

    kl: list[float]
    """Of each token."""
    delta_ce: float | None
    next_token: list[NextToken]
