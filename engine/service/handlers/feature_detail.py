"""What is known of one feature, gathered from its catalogue and its note."""

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from engine.errors import UserError
from engine.features.catalogue.bins import bin_edges
from engine.features.catalogue.catalogue import Catalogue
from engine.features.columns import FIGURES, table_columns
from engine.features.examples.snippets import snippets
from engine.service import protocol as p
from engine.service.open_catalogues import open_tokens
from engine.workspace.folders import Workspace


def feature_detail(
    workspace: Workspace, catalogue: Catalogue, notes: Mapping[int, p.Note], id: int, most: int
) -> p.FeatureDetail:
    """What is known of a feature, with its strongest snippets, `most` at most.

    `notes`: feature to what is written down about it.
    """
    note = notes.get(id, p.Note())
    columns, manifest = catalogue.columns, catalogue.manifest
    # -1: active only in documents without a category, or nowhere
    category = int(columns["category"][id]) if "category" in columns else -1
    found, textless = _strongest_snippets(workspace, catalogue, id, most)
    figures: dict[str, Any] = {
        column.name: columns[column.name][id].item()
        for column in table_columns(*FIGURES)
        if column.name in columns and (category >= 0 or not column.needs_categories)
    }
    others = {
        name: figures.pop(name) for name in figures.keys() - {*p.FeatureDetail.__struct_fields__}
    }
    return p.FeatureDetail(
        id=id,
        **figures,
        category=manifest.categories[category] if category >= 0 else "",
        activity=[
            p.CategoryActivity(category=name, mean=mean, density=density)
            for name, mean, density in catalogue.activity(id)
        ],
        label=note.label,
        tags=note.tags,
        starred=note.starred,
        note=note.text,
        histogram=p.Histogram(edges=bin_edges().tolist(), counts=catalogue.histogram(id).tolist()),
        snippets=found,
        textless=textless,
        promoted=catalogue.promoted(id),
        suppressed=catalogue.suppressed(id),
        other_figures=others or UNSET,
    )


def _strongest_snippets(
    workspace: Workspace, catalogue: Catalogue, id: int, most: int
) -> tuple[list[p.Snippet], str]:
    """The strongest, or else why there are none although the feature is active."""
    if not catalogue.columns["count"][id]:
        return [], ""
    try:
        tokens = open_tokens(workspace, catalogue)
    except UserError as error:
        return [], str(error)
    return snippets(catalogue, tokens, id, most=most), ""
