"""What the daemon finds in a scan's catalogue and codes, for one feature or one pattern.

Each function answers one request, as those of `engine.service.catalogues` do.
"""

import numpy as np
from msgspec.structs import replace

from engine.activations.tokens import TokenTable
from engine.errors import UserError
from engine.features.catalogue.catalogue import Catalogue
from engine.features.examples.deciles import band_snippets
from engine.features.examples.hard_negatives import silent_places
from engine.features.examples.snippets import snippet_at, snippets
from engine.features.search.coactive import coactive
from engine.features.search.grep import Matched, Scores
from engine.features.text.patterns import Stopwatch, compiled
from engine.progress import Progress
from engine.service import protocol as p
from engine.service.details import Notes
from engine.service.opened import (
    check_feature,
    open_catalogue,
    open_codes,
    open_texts,
    open_tokens,
)
from engine.workspace.folders import Workspace


def get_snippets(workspace: Workspace, request: p.GetSnippets) -> p.SnippetList:
    """Examples of a feature."""
    catalogue = open_catalogue(workspace, request.sae)
    check_feature(catalogue, request.sae, request.feature)
    try:
        tokens = open_tokens(workspace, catalogue)
    except UserError as error:
        return p.SnippetList(snippets=[], textless=str(error))
    if request.kind == "silent" and catalogue.codes is None:
        return p.SnippetList(snippets=[], textless="They can be told once the scan is complete.")
    found = _snippets(workspace, catalogue, tokens, request)
    peaks = [snippet.activations[snippet.peak] for snippet in found]
    return p.SnippetList(
        snippets=found,
        low=min(peaks, default=0.0),
        high=max(peaks, default=0.0),
        textless="" if found else _why_none(catalogue, request),
    )


def get_coactive(workspace: Workspace, notes: Notes, request: p.GetCoactive) -> p.Relatives:
    """Which features are active on the same tokens."""
    catalogue = open_catalogue(workspace, request.sae)
    check_feature(catalogue, request.sae, request.feature)
    found = coactive(open_codes(catalogue), request.feature, request.most)
    relatives = [replace(each, label=_label(notes, each.id)) for each in found.relatives]
    return replace(found, relatives=relatives)


def grep(workspace: Workspace, notes: Notes, request: p.Grep, progress: Progress) -> p.GrepReport:
    """Where a pattern matches, and which features answer there."""
    pattern = compiled(request.pattern, ignore_case=request.ignore_case)
    catalogue = open_catalogue(workspace, request.sae)
    feature = request.feature
    if feature is not None:
        check_feature(catalogue, request.sae, feature)
    codes, texts = open_codes(catalogue), open_texts(workspace, catalogue)
    matches = texts.matches(Stopwatch(pattern, progress=progress))
    matched = Matched(codes, matches)
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
        features=[_scored(scores, each, _label(notes, each)) for each in wanted],
    )
    if feature is None:
        return report
    tokens, radius = open_tokens(workspace, catalogue), catalogue.manifest.radius
    hits, misses, false_alarms = (
        [snippet_at(codes, tokens, feature, place, radius=radius) for place in places]
        for places in matched.answers(feature, request.most)
    )
    return replace(report, hits=hits, misses=misses, false_alarms=false_alarms)


def _snippets(
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
            return band_snippets(catalogue, tokens, feature, request.band, radius=radius)
        case "silent":
            codes, texts = open_codes(catalogue), open_texts(workspace, catalogue)
            places = silent_places(
                codes, texts, tokens, feature, catalogue.examples(feature), most=manifest.top_k
            )
            return [snippet_at(codes, tokens, feature, place, radius=radius) for place in places]


def _why_none(catalogue: Catalogue, request: p.GetSnippets) -> str:
    active = int(catalogue.columns["count"][request.feature])
    if not active:
        return "The feature is never active in the scanned corpus."
    if request.kind == "band":
        return f"It is active on {active} tokens only, and none of them falls in this tenth."
    return "Wherever a token like those at its peaks stands in the kept documents, it is active."


def _label(notes: Notes, feature: int) -> str:
    return notes.get(feature, p.Note()).label


def _scored(scores: Scores, feature: int, label: str) -> p.GrepScore:
    return p.GrepScore(
        id=feature,
        label=label,
        precision=float(scores.precision[feature]),
        recall=float(scores.recall[feature]),
        f1=float(scores.f1[feature]),
        active=int(scores.active[feature]),
    )
