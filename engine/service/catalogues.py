"""Feature catalogues as the daemon reads them: tables, rankings, single features."""

import functools
from pathlib import Path

import numpy as np

from engine.activations.tokens import TokenTable
from engine.errors import UserError
from engine.features.catalogue import Catalogue
from engine.features.filter import Mask, Subject, matching
from engine.features.rank import order
from engine.features.search import CatalogueTexts
from engine.features.snippets import snippets
from engine.service import protocol as p
from engine.workspace.folders import Stamp, Workspace, stamp
from engine.workspace.notes import Notes


class Catalogues:
    """Opens catalogues and the tokens behind them, and keeps the latest few open."""

    def __init__(self, workspace: Workspace, notes: Notes) -> None:
        self._workspace = workspace
        self._notes = notes

    def table(self, request: p.GetFeatureTable) -> p.FeatureTable:
        """All columns of a catalogue."""
        catalogue = self._open(request.sae)
        return p.FeatureTable(
            sae=request.sae,
            activations=catalogue.manifest.activations,
            features=len(catalogue),
            tokens=catalogue.manifest.tokens,
            columns={name: column.tobytes() for name, column in catalogue.columns.items()},
            dtypes={name: column.dtype.str for name, column in catalogue.columns.items()},
            notes=self._notes.of(request.sae),
            categories=catalogue.manifest.categories,
        )

    def rank(self, request: p.RankFeatures) -> p.FeatureList:
        """The first features by a column, among those that the filter lets through."""
        catalogue = self._open(request.sae)
        notes = self._notes.of(request.sae)
        among = self._matching(request.filter, catalogue, notes)
        ids = order(catalogue.columns, request.by, among=among)
        return p.FeatureList(
            features=[
                self._detail(catalogue, request.sae, int(id), request.snippets, notes)
                for id in ids[: request.top]
            ],
            matching=len(ids),
            total=len(catalogue),
        )

    def match(self, request: p.MatchFeatures) -> p.Matches:
        """Which features a filter lets through; an empty one, all."""
        catalogue = self._open(request.sae)
        mask = self._matching(request.filter, catalogue, self._notes.of(request.sae))
        return p.Matches(
            matching=int(mask.sum()), mask=np.packbits(mask, bitorder="little").tobytes()
        )

    def feature(self, request: p.GetFeature) -> p.FeatureDetail:
        """One feature, with all the snippets that the scan kept."""
        catalogue = self._open(request.sae)
        if not 0 <= request.feature < len(catalogue):
            raise UserError(
                f"There is no feature {request.feature}.",
                f"The features of {request.sae} are 0 to {len(catalogue) - 1}.",
            )
        notes = self._notes.of(request.sae)
        return self._detail(
            catalogue, request.sae, request.feature, catalogue.manifest.top_k, notes
        )

    def _detail(
        self, catalogue: Catalogue, sae: str, id: int, most: int, notes: dict[int, p.Note]
    ) -> p.FeatureDetail:
        note = notes.get(id, p.Note())
        columns, manifest = catalogue.columns, catalogue.manifest
        # -1: active only in documents without a category, or nowhere
        category = int(columns["category"][id]) if "category" in columns else -1
        return p.FeatureDetail(
            id=id,
            max=float(columns["max"][id]),
            mean=float(columns["mean"][id]),
            density=float(columns["density"][id]),
            documents=int(columns["documents"][id]),
            selectivity=float(columns["selectivity"][id]) if category >= 0 else None,
            category=manifest.categories[category] if category >= 0 else "",
            label=note.label,
            tags=note.tags,
            starred=note.starred,
            note=note.text,
            snippets=self._snippets(catalogue, id, most),
            promoted=catalogue.promoted(id),
            suppressed=catalogue.suppressed(id),
        )

    def _matching(self, filter: str, catalogue: Catalogue, notes: dict[int, p.Note]) -> Mask:
        if not filter.strip():
            return np.ones(len(catalogue), dtype=np.bool_)
        tokens = self._workspace.activations(catalogue.manifest.activations)
        texts = _texts(
            catalogue.folder,
            stamp(catalogue.folder),
            tokens,
            stamp(tokens) if tokens.exists() else None,
        )
        categories = catalogue.manifest.categories
        return matching(filter, Subject(catalogue.columns, notes, categories, texts))

    def _snippets(self, catalogue: Catalogue, id: int, most: int) -> list[p.Snippet]:
        folder = self._workspace.activations(catalogue.manifest.activations)
        if not folder.exists():
            return []  # the figures outlive the set they were taken from; its texts do not
        return snippets(catalogue, _tokens(folder, stamp(folder)), id, most=most)

    def _open(self, sae: str) -> Catalogue:
        folder = self._workspace.existing_catalogue(sae)
        return _catalogue(folder, stamp(folder))


@functools.lru_cache(maxsize=4)
def _catalogue(folder: Path, _: Stamp) -> Catalogue:
    return Catalogue.open(folder)


@functools.lru_cache(maxsize=4)
def _tokens(folder: Path, _: Stamp) -> TokenTable:
    return TokenTable.open(folder)


@functools.lru_cache(maxsize=1)  # they keep the text of the last that was searched
def _texts(folder: Path, a: Stamp, tokens: Path, b: Stamp | None) -> CatalogueTexts:
    return CatalogueTexts(_catalogue(folder, a), None if b is None else _tokens(tokens, b))
