"""The model view: the edit inside the running model, and what follows from it."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from engine.features.catalogue.catalogue import Catalogue
from engine.interventions.checks import CheckedRun, check_runs, combine_checks
from engine.interventions.delta import ResolvedEdit, resolve_edits
from engine.interventions.measures import (
    cross_entropy,
    first_divergence,
    next_token_table,
)
from engine.interventions.nulls import compare_with_null, matched_features, null_edits
from engine.interventions.prompt_run import ModelWithSAE
from engine.interventions.reproduction import reproduction_command
from engine.interventions.shift import measure_shift
from engine.interventions.spec import Checks, ClampRequest, EditedPrompt, ModelReport
from engine.interventions.warnings import report_warnings
from engine.model.interruptible import interruptible
from engine.model.padding import note_on_padding
from engine.model.predictions import kl_of_variants
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
    columns = catalogue.columns
    features = [edit.feature for edit in request.edits]
    maxima = catalogue.maxima(features)
    nulls = matched_features(columns, features, request.nulls, request.seed)
    rows = [
        resolve_edits(request.edits, maxima),
        *(null_edits(request.edits, stand_ins, columns) for stand_ins in nulls),
    ]
    texts = vocabulary(subject.lm)
    total = len(request.prompts)
    prompts: list[EditedPrompt] = []

    def tick() -> None:
        progress("clamp", len(prompts), total, "prompts")

    tick()
    checks: list[Checks] = []
    with interruptible(subject.lm, tick):
        if request.generate:
            note_on_padding(subject.lm, len(request.prompts), progress)
        for runs in subject.runs_of(request, rows[0]):
            for checked in check_runs(runs, rows[0]):
                checks.append(checked.checks)
                prompts.append(_edit_prompt(checked, rows, texts, tick))
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
        null_features=nulls,
        checks=combine_checks(checks),
        warnings=report_warnings(request, catalogue, prompts, len(nulls)),
        reproduce=reproduction_command(request),
    )


def _edit_prompt(
    checked: CheckedRun,
    rows: Sequence[Sequence[ResolvedEdit]],
    texts: list[str],
    tick: Callable[[], None],
) -> EditedPrompt:
    """What the first row of edits does to one prompt, held against the other rows: the nulls."""
    run, x, y = checked.run, checked.read, checked.written
    lm = run.subject.lm
    added = run.added_by(x, y, rows[0])
    touched, sinks = run.mask.at(run.positions, x, y), run.mask.is_sink(x, y)
    relative = added[touched].norm(dim=-1) / y[touched].float().norm(dim=-1)
    prompt_ids = run.token_ids[: run.prompt_tokens]
    baseline = run.token_ids[run.prompt_tokens :]
    counted = ~sinks if not sinks.all() else sinks

    per_row: list[Tensor] = []
    for logits in run.logits_under(rows):
        tick()
        if not per_row:
            before, after = (cross_entropy(each, prompt_ids) for each in logits[:2])
            last = logits[:2, run.prompt_tokens - 1]
            next_token = next_token_table(last[0], last[1], texts)
        per_row += kl_of_variants(logits[0], logits[1:])
    kl, *null_kl = (each[counted].mean().item() for each in per_row)
    return EditedPrompt(
        prompt=run.prompt,
        tokens=[texts[i] for i in run.token_ids.tolist()],
        prompt_tokens=run.prompt_tokens,
        edited_tokens=int(touched.sum()),
        left_out=run.left_out(x, y),
        kl=kl,
        kl_per_position=per_row[0].tolist(),
        delta_ce=None if before is None or after is None else after - before,
        relative_norm=relative.mean().item() if len(relative) else 0.0,
        next_token=next_token,
        baseline_text=decode(lm, baseline),
        edited_text=decode(lm, run.edited_ids),
        divergence=first_divergence(baseline.tolist(), run.edited_ids.tolist()),
        null=compare_with_null(kl, null_kl),
        **measure_shift(added, sinks),
    )
