"""A feature catalogue: its table, rankings, what a filter lets through, and one of its features."""

import numpy as np

from engine.features.catalogue.catalogue import Catalogue
from engine.features.catalogue.rank import order
from engine.features.filter.filter import FeatureMask, FilterContext, filter_mask
from engine.features.validation import check_feature
from engine.service import protocol as p
from engine.service.handlers.context import ThreadContext
from engine.service.handlers.feature_detail import feature_detail
from engine.service.handlers.registry import in_thread
from engine.service.open_catalogues import open_catalogue, open_for_search


@in_thread(p.GetFeatureTable)
def get_feature_table(request: p.GetFeatureTable, context: ThreadContext) -> p.FeatureTable:
    """All columns of a catalogue."""
    catalogue = open_catalogue(context.workspace, request.sae)
    manifest = catalogue.manifest
    return p.FeatureTable(
        sae=request.sae,
        activations=manifest.activations,
        features=len(catalogue),
        tokens=manifest.tokens,
        # A whole scan has left out the beginnings of sequences, and nothing is to come.
        total_tokens=manifest.tokens if manifest.complete else manifest.total_tokens,
        columns={name: column.tobytes() for name, column in catalogue.columns.items()},
        dtypes={name: column.dtype.str for name, column in catalogue.columns.items()},
        notes=dict(context.notes),
        categories=manifest.categories,
    )


@in_thread(p.RankFeatures)
def rank_features(request: p.RankFeatures, context: ThreadContext) -> p.FeatureList:
    """The first features by a column, among those that the filter lets through."""
    catalogue = open_catalogue(context.workspace, request.sae)
    among = _matching(catalogue, request.filter, context)
    ids = order(catalogue.columns, request.by, among=among)
    return p.FeatureList(
        features=[
            feature_detail(context.workspace, catalogue, context.notes, int(id), request.snippets)
            for id in ids[: request.top]
        ],
        matching=len(ids),
        total=len(catalogue),
        scanned=catalogue.scanned_share,
    )


@in_thread(p.MatchFeatures)
def match_features(request: p.MatchFeatures, context: ThreadContext) -> p.Matches:
    """Which features a filter lets through; an empty one, all."""
    catalogue = open_catalogue(context.workspace, request.sae)
    mask = _matching(catalogue, request.filter, context)
    return p.Matches(matching=int(mask.sum()), mask=np.packbits(mask, bitorder="little").tobytes())


@in_thread(p.GetFeature)
def get_feature(request: p.GetFeature, context: ThreadContext) -> p.FeatureDetail:
    """One feature, with all the snippets that the scan kept."""
    catalogue = open_catalogue(context.workspace, request.sae)
    check_feature(request.feature, len(catalogue), request.sae)
    top_k = catalogue.manifest.top_k
    return feature_detail(context.workspace, catalogue, context.notes, request.feature, top_k)


def _matching(catalogue: Catalogue, filter: str, context: ThreadContext) -> FeatureMask:
    if not filter.strip():
        return np.ones(len(catalogue), dtype=np.bool_)
    texts = open_for_search(context.workspace, catalogue)
    categories = catalogue.manifest.categories
    subject = FilterContext(catalogue.columns, context.notes, categories, texts, context.progress)
    return filter_mask(filter, subject)
