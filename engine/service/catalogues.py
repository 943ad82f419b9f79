"""What the daemon tells of a catalogue: its table, rankings, and what a filter lets through.

Each function answers one request; `notes` are those of the SAE that it names. None of them touches
the database, so they may run in any thread. They raise UserError.
"""

import numpy as np

from engine.features.catalogue.catalogue import Catalogue
from engine.features.catalogue.rank import order
from engine.features.filter.filter import Mask, Subject, matching
from engine.progress import Progress
from engine.service import protocol as p
from engine.service.details import Notes, detail
from engine.service.opened import check_feature, open_catalogue, open_for_search
from engine.workspace.folders import Workspace


def get_table(workspace: Workspace, notes: Notes, request: p.GetFeatureTable) -> p.FeatureTable:
    """All columns of a catalogue."""
    catalogue = open_catalogue(workspace, request.sae)
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
        notes=dict(notes),
        categories=manifest.categories,
    )


def rank_features(
    workspace: Workspace, notes: Notes, request: p.RankFeatures, progress: Progress
) -> p.FeatureList:
    """The first features by a column, among those that the filter lets through."""
    catalogue = open_catalogue(workspace, request.sae)
    among = _matching(workspace, catalogue, notes, request.filter, progress)
    ids = order(catalogue.columns, request.by, among=among)
    return p.FeatureList(
        features=[
            detail(workspace, catalogue, notes, int(id), request.snippets)
            for id in ids[: request.top]
        ],
        matching=len(ids),
        total=len(catalogue),
        scanned=catalogue.scanned,
    )


def match_features(
    workspace: Workspace, notes: Notes, request: p.MatchFeatures, progress: Progress
) -> p.Matches:
    """Which features a filter lets through; an empty one, all."""
    catalogue = open_catalogue(workspace, request.sae)
    mask = _matching(workspace, catalogue, notes, request.filter, progress)
    return p.Matches(matching=int(mask.sum()), mask=np.packbits(mask, bitorder="little").tobytes())


def get_feature(workspace: Workspace, notes: Notes, request: p.GetFeature) -> p.FeatureDetail:
    """One feature, with all the snippets that the scan kept."""
    catalogue = open_catalogue(workspace, request.sae)
    check_feature(catalogue, request.sae, request.feature)
    return detail(workspace, catalogue, notes, request.feature, catalogue.manifest.top_k)


def _matching(
    workspace: Workspace, catalogue: Catalogue, notes: Notes, filter: str, progress: Progress
) -> Mask:
    if not filter.strip():
        return np.ones(len(catalogue), dtype=np.bool_)
    texts = open_for_search(workspace, catalogue)
    categories = catalogue.manifest.categories
    return matching(filter, Subject(catalogue.columns, notes, categories, texts, progress))
