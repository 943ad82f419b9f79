"""What is written down about features: read, changed and merged.

A feature must be one that its SAE has.
"""

from collections.abc import Iterable

import msgspec

from engine.features.validation import check_feature
from engine.sae.formats.info import read_sae_info
from engine.service import protocol as p
from engine.service.handlers.context import Context
from engine.service.handlers.registry import on_loop
from engine.workspace.folders import Workspace


@on_loop(p.GetNotes)
def get_notes(request: p.GetNotes, context: Context) -> p.NoteList:
    """Every note of an SAE."""
    context.workspace.existing_sae(request.sae)
    return p.NoteList(notes=context.notes.of(request.sae))


@on_loop(p.Annotate, changes=True)
def annotate(request: p.Annotate, context: Context) -> p.Done:
    """Replace the note of a feature."""
    _check_features(context.workspace, request.sae, [request.feature])
    context.notes.set(request.sae, request.feature, request.note)
    context.publish_change()
    return p.Done()


@on_loop(p.LabelFeature, changes=True)
def label_feature(request: p.LabelFeature, context: Context) -> p.Done:
    """Replace the label in the note of a feature."""
    amendment = p.AmendNote(sae=request.sae, feature=request.feature, label=request.text)
    amend_note(amendment, context)
    return p.Done()


@on_loop(p.AmendNote, changes=True)
def amend_note(request: p.AmendNote, context: Context) -> p.Note:
    """Replace parts of the note of a feature; the whole note after that."""
    _check_features(context.workspace, request.sae, [request.feature])
    before = context.notes.get(request.sae, request.feature)
    parts = {"label": request.label, "starred": request.starred, "text": request.text}
    note = msgspec.structs.replace(
        before,
        tags=tuple({*before.tags, *request.tag} - {tag.strip() for tag in request.untag}),
        **{name: value for name, value in parts.items() if value is not None},
    )
    context.notes.set(request.sae, request.feature, note)
    after = context.notes.get(request.sae, request.feature)
    if after != before:
        context.publish_change()
    return after


@on_loop(p.MergeNotes, changes=True)
def merge_notes(request: p.MergeNotes, context: Context) -> p.MergeOutcome:
    """Add notes from elsewhere to those of an SAE."""
    _check_features(context.workspace, request.sae, [feature for feature, _ in request.notes])
    merged = context.notes.merge(request.sae, request.notes, replace=request.replace)
    context.publish_change()
    return merged


def _check_features(workspace: Workspace, sae: str, features: Iterable[int]) -> None:
    width = read_sae_info(workspace.existing_sae(sae)).d_sae
    for feature in features:
        check_feature(feature, width, sae)
