"""Many features clamped in turn on the same prompts, and which of them do more than chance."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec
import torch
from torch import Tensor

from engine.errors import UserError
from engine.features.catalogue.catalogue import Catalogue
from engine.features.validation import check_feature
from engine.interventions.delta import ResolvedEdit, resolve_edits
from engine.interventions.measure_notation import parse_measure
from engine.interventions.meters import KL_METER, Meter, make_meters
from engine.interventions.nulls import (
    compare_in_sequence,
    direction_edits,
    is_clear,
    matched_features,
    null_edits,
)
from engine.interventions.prompt_run import ModelWithSAE, PromptRun
from engine.interventions.row_effects import measure_rows
from engine.interventions.screen_spec import ScreenedFeature, Screening, ScreenRequest
from engine.interventions.spec import FeatureEdit
from engine.interventions.validation import with_prompts
from engine.model.interruptible import interruptible
from engine.model.observe import observe
from engine.model.text import vocabulary
from engine.progress import SILENT, Progress


@torch.no_grad()
def screen(
    subject: ModelWithSAE,
    catalogue: Catalogue,
    request: ScreenRequest,
    *,
    progress: Progress = SILENT,
) -> Screening:
    """Clamp each of a request's features by itself, and test each by one measure over all prompts.

    The prompts are continued once, by the clean model; then each feature is held at its strength,
    beside nulls of its own, drawn until its p is clear. q is by Benjamini and Hochberg 1995, over
    all features that have a p.

    Raises UserError for a request that can't be carried out.
    """
    from scipy.stats import false_discovery_control  # late: to import it takes half a second

    request = with_prompts(request)
    _check(subject, catalogue, request)
    found: list[ScreenedFeature] = []
    total = len(request.features)

    def tick() -> None:
        progress("screen", len(found), total, "features")

    tick()
    with interruptible(subject.lm, tick):
        runs = subject.read_prompts(request.prompts, generate=request.generate, chat=request.chat)
        of_all = _Screen(
            subject,
            catalogue,
            request,
            vocabulary(subject.lm),
            [(run, _counted(run)) for run in runs],
        )
        for feature in request.features:
            found.append(of_all.screen_feature(feature))
    tick()
    tested = [each.null.p for each in found if each.null is not None]
    q = iter(false_discovery_control(tested).tolist() if tested else [])
    ranked = [
        each if each.null is None else msgspec.structs.replace(each, q=next(q)) for each in found
    ]
    ranked.sort(key=lambda each: (each.q is None, each.q, -abs(each.value)))
    return Screening(
        sae=request.sae,
        measure=request.measure,
        unit=of_all.meter(request.features[0]).unit,
        prompts=len(runs),
        features=ranked,
    )


def _check(subject: ModelWithSAE, catalogue: Catalogue, request: ScreenRequest) -> None:
    subject.check()
    subject.check_described_by(catalogue)
    if not request.prompts:
        raise UserError("There is no prompt to try the features on.", "Give at least one.")
    if not request.features:
        raise UserError("There is no feature to screen.", "Name some, or loosen the filter.")
    for feature in request.features:
        check_feature(feature, len(catalogue), request.sae)
    if request.nulls < 1:
        raise UserError("Without nulls there is nothing to compare with.", "Ask for some.")


@dataclass(frozen=True)
class _Screen:
    """What all features of a request share."""

    subject: ModelWithSAE
    catalogue: Catalogue
    request: ScreenRequest
    vocabulary: list[str]
    runs: list[tuple[PromptRun, Tensor]]
    """Each prompt, and which of its tokens [tokens] bool count."""

    def meter(self, feature: int) -> Meter:
        """The measure, which may be of the feature's own tokens."""
        measure = self.request.measure
        measures = [] if measure == KL_METER.name else [parse_measure(measure)]
        return make_meters(measures, self.subject, self.catalogue, feature, self.vocabulary)[-1]

    def screen_feature(self, feature: int) -> ScreenedFeature:
        """One feature beside its own nulls."""
        edit = FeatureEdit(
            feature=feature, operation="clamp", value=self.request.times_max, unit="max"
        )
        own = resolve_edits([edit], self.catalogue.maxima([feature]))
        meter = self.meter(feature)
        value = 0.0
        nulls: list[float] = []
        for block in self._blocks(edit, own):
            rows = block if nulls else [own, *block]
            per_prompt = [
                measure_rows(run, rows, [meter], counted, lambda *_: None)[1][0]
                for run, counted in self.runs
            ]
            means = (sum(per_prompt) / len(self.runs)).tolist()
            if not nulls:
                value, *means = means
            nulls += means
            if is_clear(value, nulls):
                break
        return ScreenedFeature(feature=feature, value=value, null=compare_in_sequence(value, nulls))

    def _blocks(
        self, edit: FeatureEdit, own: Sequence[ResolvedEdit]
    ) -> Iterator[list[Sequence[ResolvedEdit]]]:
        """A feature's nulls, some at a time; one empty block where nothing is like it."""
        request, columns = self.request, self.catalogue.columns
        most = max(request.nulls, request.most_nulls)
        rows: list[Sequence[ResolvedEdit]]
        if request.null == "directions":
            rows = [*direction_edits(own, self.subject.sae.W_dec, most, request.seed)]
        else:
            alike = matched_features(columns, [edit.feature], most, request.seed)
            rows = [null_edits([edit], each, columns) for each in alike]
        for start in range(0, max(1, len(rows)), request.nulls):
            yield rows[start : start + request.nulls]


def _counted(run: PromptRun) -> Tensor:
    """[tokens] bool: all that is no attention sink."""
    subject = run.subject
    sites = [subject.site, subject.edited_site]
    seen = observe(subject.lm, run.token_ids[None], sites)
    sinks = run.mask.is_sink(seen[sites[0]][0], seen[sites[1]][0])
    return sinks if sinks.all() else ~sinks
