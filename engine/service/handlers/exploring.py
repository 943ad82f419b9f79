"""Looking closer at features: other examples, relatives, and the search for features.

What a session worker finds comes without labels, which are in the database: here they are added.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
from msgspec.structs import replace

from engine.activations.store.tokens import TokenTable
from engine.errors import UserError
from engine.features.catalogue.catalogue import Catalogue
from engine.features.examples.deciles import decile_snippets
from engine.features.examples.hard_negatives import hard_negatives
from engine.features.examples.snippets import snippet_at, snippets
from engine.features.search.coactive import coactive
from engine.features.search.grep import PatternEvaluation, PatternScores
from engine.features.text.patterns import TimedPattern, compile_pattern
from engine.features.validation import check_feature
from engine.service import protocol as p
from engine.service.handlers.context import Context, ThreadContext
from engine.service.handlers.registry import in_thread, on_loop
from engine.service.open_catalogues import (
    open_catalogue,
    open_codes,
    open_texts,
    open_tokens,
)
from engine.workspace.folders import Workspace

Found = TypeVar("Found", p.FiringFeature, p.ContrastedFeature, p.Relative)


@in_thread(p.GetSnippets)
def get_snippets(request: p.GetSnippets, context: ThreadContext) -> p.SnippetList:
    """Examples of a feature."""
    catalogue = open_catalogue(context.workspace, request.sae)
    check_feature(request.feature, len(catalogue), request.sae)
    try:
        tokens = open_tokens(context.workspace, catalogue)
    except UserError as error:
        return p.SnippetList(snippets=[], textless=str(error))
    if request.kind == "silent" and catalogue.codes is None:
        return p.SnippetList(snippets=[], textless="They can be told once the scan is complete.")
    found = _find_snippets(context.workspace, catalogue, tokens, request)
    peaks = [snippet.activations[snippet.peak] for snippet in found]
    return p.SnippetList(
        snippets=found,
        low=min(peaks, default=0.0),
        high=max(peaks, default=0.0),
        textless="" if found else _reason_for_none(catalogue, request),
    )


@in_thread(p.GetCoactive)
def get_coactive(request: p.GetCoactive, context: ThreadContext) -> p.Relatives:
    """Which features are active on the same tokens."""
    catalogue = open_catalogue(context.workspace, request.sae)
    check_feature(request.feature, len(catalogue), request.sae)
    found = coactive(open_codes(catalogue), request.feature, request.most)
    relatives = [replace(each, label=_label(context.notes, each.id)) for each in found.relatives]
    return replace(found, relatives=relatives)


@in_thread(p.Grep)
def grep(request: p.Grep, context: ThreadContext) -> p.GrepReport:
    """Where a pattern matches, and which features answer there."""
    pattern = compile_pattern(request.pattern, ignore_case=request.ignore_case)
    catalogue = open_catalogue(context.workspace, request.sae)
    feature = request.feature
    if feature is not None:
        check_feature(feature, len(catalogue), request.sae)
    codes, texts = open_codes(catalogue), open_texts(context.workspace, catalogue)
    matches = texts.matches(TimedPattern(pattern, progress=context.progress))
    matched = PatternEvaluation(codes, matches)
    scores = matched.scores()
    readable = np.diff(texts.characters) > 0
    wanted = scores.best(request.most).tolist() if feature is None else [feature]
    report = p.GrepReport(
        pattern=request.pattern,
        matches=len(matches),
        matched_tokens=int((readable & matched.tokens).sum()),
        tokens=int(readable.sum()),
        documents=len(np.unique(codes.documents)),
        total_documents=catalogue.manifest.documents,
        features=[_score(scores, each, _label(context.notes, each)) for each in wanted],
    )
    if feature is None:
        return report
    tokens, radius = open_tokens(context.workspace, catalogue), catalogue.manifest.radius
    hits, misses, false_alarms = (
        [snippet_at(codes, tokens, feature, place, radius=radius) for place in places]
        for places in matched.examples(feature, request.most)
    )
    return replace(report, hits=hits, misses=misses, false_alarms=false_alarms)


@on_loop(p.FindFiring)
async def find_firing(request: p.FindFiring, context: Context) -> p.Firing:
    """Which features fire in a text."""
    firing = await context.ask_worker(request)
    return replace(
        firing, features=_with_labels(firing.features, context.notes.labels(request.sae))
    )


@on_loop(p.FindContrast)
async def find_contrast(request: p.FindContrast, context: Context) -> p.Contrast:
    """Which features tell one text, or file, from another."""
    found = await context.ask_worker(request)
    return replace(found, features=_with_labels(found.features, context.notes.labels(request.sae)))


@on_loop(p.GetNearest)
async def get_nearest(request: p.GetNearest, context: Context) -> p.Relatives:
    """Which features have the most similar decoder directions."""
    found = await context.ask_worker(request)
    labels = context.notes.labels(request.other or request.sae)
    return replace(found, relatives=_with_labels(found.relatives, labels))


def _with_labels(features: Sequence[Found], labels: Mapping[int, str]) -> list[Found]:
    return [replace(feature, label=labels.get(feature.id, "")) for feature in features]


def _find_snippets(
    workspace: Workspace, catalogue: Catalogue, tokens: TokenTable, request: p.GetSnippets
) -> list[p.Snippet]:
    feature, manifest = request.feature, catalogue.manifest
    radius = manifest.radius if request.radius is None else request.radius
    if radius < 0:
        raise UserError("A snippet can't reach less than 0 tokens to either side.")
    match request.kind:
        case "top":
            return snippets(catalogue, tokens, feature, most=manifest.top_k, radius=radius)
        case "band":
            return decile_snippets(catalogue, tokens, feature, request.band, radius=radius)
        case "silent":
            codes, texts = open_codes(catalogue), open_texts(workspace, catalogue)
            places = hard_negatives(
                codes, texts, tokens, feature, catalogue.examples(feature), most=manifest.top_k
            )
            return [snippet_at(codes, tokens, feature, place, radius=radius) for place in places]


def _reason_for_none(catalogue: Catalogue, request: p.GetSnippets) -> str:
    active = int(catalogue.columns["count"][request.feature])
    if not active:
        return "The feature is never active in the scanned corpus."
    if request.kind == "band":
        return f"It is active on {active} tokens only, and none of them falls in this tenth."
    return "Wherever a token like those at its peaks stands in the kept documents, it is active."


def _label(notes: Mapping[int, p.Note], feature: int) -> str:
    return notes.get(feature, p.Note()).label


def _score(scores: PatternScores, feature: int, label: str) -> p.GrepScore:
    return p.GrepScore(
        id=feature,
        label=label,
        precision=float(scores.precision[feature]),
        recall=float(scores.recall[feature]),
        f1=float(scores.f1[feature]),
        active=int(scores.active[feature]),
    )
