"""What is written down about features, as the daemon reads and changes it."""

from collections.abc import Callable, Iterable

import msgspec

from engine.errors import UserError
from engine.features.notes import Note
from engine.sae.formats.info import read_sae_info
from engine.service import protocol as p
from engine.workspace.folders import Workspace
from engine.workspace.notes import NoteStore


class Annotations:
    """Answers about notes, and changes to them. A feature must be one that its SAE has."""

    def __init__(self, workspace: Workspace, notes: NoteStore, changed: Callable[[], None]) -> None:
        """`changed` is called after each change."""
        self._workspace = workspace
        self._notes = notes
        self._changed = changed

    def all(self, request: p.GetNotes) -> p.NoteList:
        self._workspace.existing_sae(request.sae)
        return p.NoteList(notes=self._notes.of(request.sae))

    def annotate(self, request: p.Annotate) -> p.Done:
        self._check(request.sae, [request.feature])
        self._notes.set(request.sae, request.feature, request.note)
        self._changed()
        return p.Done()

    def label(self, request: p.LabelFeature) -> p.Done:
        self.amend(p.AmendNote(sae=request.sae, feature=request.feature, label=request.text))
        return p.Done()

    def amend(self, request: p.AmendNote) -> Note:
        self._check(request.sae, [request.feature])
        before = self._notes.get(request.sae, request.feature)
        parts = {"label": request.label, "starred": request.starred, "text": request.text}
        note = msgspec.structs.replace(
            before,
            tags=tuple({*before.tags, *request.tag} - {tag.strip() for tag in request.untag}),
            **{name: value for name, value in parts.items() if value is not None},
        )
        self._notes.set(request.sae, request.feature, note)
        after = self._notes.get(request.sae, request.feature)
        if after != before:
            self._changed()
        return after

    def merge(self, request: p.MergeNotes) -> p.Merged:
        self._check(request.sae, [feature for feature, _ in request.notes])
        merged = self._notes.merge(request.sae, request.notes, replace=request.replace)
        self._changed()
        return merged

    def _check(self, sae: str, features: Iterable[int]) -> None:
        width = read_sae_info(self._workspace.existing_sae(sae)).d_sae
        for feature in features:
            if not 0 <= feature < width:
                raise UserError(
                    f"There is no feature {feature}.",
                    f"The features of {sae} are 0 to {width - 1}.",
                )
