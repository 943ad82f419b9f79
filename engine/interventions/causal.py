"""The model view: the edit inside the running model, and what follows from it."""

import functools
from collections.abc import Callable, Sequence

import torch

from engine.features.catalogue.catalogue import Catalogue
from engine.interventions.checks import combine_checks, measure_checks
from engine.interventions.delta import ResolvedEdit, resolve_edits
from engine.interventions.measures import (
    cross_entropy,
    first_divergence,
    next_token_table,
)
from engine.interventions.nulls import compare_with_null, matched_features, null_edits
from engine.interventions.prompt_run import ModelWithSAE, PromptRun
from engine.interventions.reproduction import reproduction_command
from engine.interventions.shift import measure_shift
from engine.interventions.spec import ClampRequest, EditedPrompt, ModelReport
from engine.interventions.warnings import report_warnings
from engine.model.interruptible import interruptible
from engine.model.predictions import kl_per_position
from engine.model.text import decode, vocabulary
from engine.progress import Progress


@torch.no_grad()
def model_view(
    subject: ModelWithSAE, catalogue: Catalogue, request: ClampRequest, progress: Progress
) -> ModelReport:
    """Make a request's edits inside the running model, prompt by prompt, and measure what follows.

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
    prompts, checks = [], []
    for done, prompt in enumerate(request.prompts):
        tick = functools.partial(progress, "clamp", done, total, "prompts")
        tick()
        with interruptible(subject.lm, tick):
            run = subject.read_prompt(
                prompt,
                generate=request.generate,
                positions=request.positions,
                chat=request.chat,
            )
            checks.append(measure_checks(run, rows[0]))
            prompts.append(_edit_prompt(run, rows, request.generate, texts, tick))
    progress("clamp", total, total, "prompts")
    return ModelReport(
        feature=features[0],
        operation=request.edits[0].operation,
        edits=request.edits,
        maxima=maxima,
        corpus=catalogue.manifest.activations,
        site=str(subject.site),
        prompts=prompts,
        null_features=nulls,
        checks=combine_checks(checks),
        warnings=report_warnings(request, catalogue, prompts, len(nulls)),
        reproduce=reproduction_command(request),
    )


def _edit_prompt(
    run: PromptRun,
    rows: Sequence[Sequence[ResolvedEdit]],
    generate: int,
    texts: list[str],
    tick: Callable[[], None],
) -> EditedPrompt:
    """What the first row of edits does to one prompt, held against the other rows: the nulls."""
    lm = run.subject.lm
    x, added = run.activations(), run.added_by(rows[0])
    touched = run.touched
    relative = added[touched].norm(dim=-1) / x[touched].float().norm(dim=-1)
    prompt_ids = run.token_ids[: run.prompt_tokens]
    baseline = run.token_ids[run.prompt_tokens :]
    edited = run.edited_continuation(rows[0], generate)

    effects = run.logits_under(rows)
    clean_logits, logits = next(effects)
    last = run.prompt_tokens - 1
    kl_per_token = kl_per_position(clean_logits, logits)
    kl = kl_per_token.mean().item()
    before, after = (cross_entropy(each, prompt_ids) for each in (clean_logits, logits))
    next_token = next_token_table(clean_logits[last], logits[last], texts)
    null_kl = []
    for clean_logits, logits in effects:
        tick()
        null_kl.append(kl_per_position(clean_logits, logits).mean().item())
    return EditedPrompt(
        prompt=run.prompt,
        tokens=[texts[i] for i in run.token_ids.tolist()],
        prompt_tokens=run.prompt_tokens,
        edited_tokens=int(touched.sum()),
        kl=kl,
        kl_per_position=kl_per_token.tolist(),
        delta_ce=None if before is None or after is None else after - before,
        relative_norm=relative.mean().item() if len(relative) else 0.0,
        next_token=next_token,
        baseline_text=decode(lm, baseline),
        edited_text=decode(lm, edited),
        divergence=first_divergence(baseline.tolist(), edited.tolist()),
        null=compare_with_null(kl, null_kl),
        **measure_shift(added),
    )
