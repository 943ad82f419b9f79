"""What is known of one feature, gathered from its catalogue and its note."""

from collections.abc import Mapping

from engine.errors import UserError
from engine.features.catalogue.bins import edges
from engine.features.catalogue.catalogue import Catalogue
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
    found, textless = _snippets(workspace, catalogue, id, most)
    return p.FeatureDetail(
        id=id,
        max=float(columns["max"][id]),
        mean=float(columns["mean"][id]),
        std=float(columns["std"][id]),
        count=int(columns["count"][id]),
        density=float(columns["density"][id]),
        documents=int(columns["documents"][id]),
        selectivity=float(columns["selectivity"][id]) if category >= 0 else None,
        category=manifest.categories[category] if category >= 0 else "",
        activity=[
            p.CategoryActivity(category=name, mean=mean, density=density)
            for name, mean, density in catalogue.activity(id)
        ],
        label=note.label,
        tags=note.tags,
        starred=note.starred,
        note=note.text,
        histogram=p.Histogram(edges=edges().tolist(), counts=catalogue.histogram(id).tolist()),
        snippets=found,
        textless=textless,
        promoted=catalogue.promoted(id),
        suppressed=catalogue.suppressed(id),
    )


def _snippets(
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
