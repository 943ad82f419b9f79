"""What the daemon answers by itself: all that needs files and the database, but no torch."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from engine.activations.manifest import read_manifest
from engine.activations.summary import summarise
from engine.errors import UserError
from engine.files import remove_folder
from engine.jobs.kinds.train import newest_start
from engine.jobs.store import Ledger
from engine.sae.formats.info import read_sae_info
from engine.service import protocol as p
from engine.service.annotations import Annotations
from engine.service.labelling import labelled
from engine.service.reporter import Reporter
from engine.service.searches import Search, search
from engine.workspace.folders import Workspace
from engine.workspace.notes import Notes
from engine.workspace.prompts import Prompts

T = TypeVar("T")

log = logging.getLogger("engine")


class Answers:
    """Answers about prompts, activation sets, SAEs, features and events, and changes to them."""

    def __init__(
        self,
        workspace: Workspace,
        prompts: Prompts,
        notes: Notes,
        ledger: Ledger,
        changed: Callable[[], None],
    ) -> None:
        """`changed` is called after each change to what the workspace holds."""
        self._workspace = workspace
        self._prompts = prompts
        self._notes = notes
        self._ledger = ledger
        annotations = Annotations(workspace, notes, changed)
        self._changed = changed
        self._methods: dict[type[Any], Callable[[Any], p.ReplyBody]] = {
            p.GetContents: self._contents,
            p.GetSummary: self._summary,
            p.SavePrompt: self._save_prompt,
            p.DeletePrompt: self._delete_prompt,
            p.RestorePrompts: self._restore_prompts,
            p.DeleteActivations: self._delete_activations,
            p.DeleteSAE: self._delete_sae,
            p.LabelFeature: annotations.label,
            p.Annotate: annotations.annotate,
            p.AmendNote: annotations.amend,
            p.GetNotes: annotations.all,
            p.MergeNotes: annotations.merge,
            p.ListJobs: lambda _: p.JobList(ledger.all()),
            p.GetJob: lambda request: ledger.get(request.id),
            p.GetBegun: self._begun,
            p.GetEvents: lambda request: p.EventList(ledger.events(request.job, request.after)),
        }

    def can(self, request: p.Request) -> bool:
        """Whether this is one of ours."""
        return isinstance(request, Search) or type(request) in self._methods

    async def answer(self, request: p.Request) -> p.ReplyBody:
        """The reply. Raises UserError.

        Searches are done beside all else, in threads. Cancelling ends the search, too, before the
        next text that it would look into.
        """
        if isinstance(request, Search):
            notes, heard = self._notes.of(request.sae), Reporter(lambda _: None)
            try:
                return await asyncio.to_thread(search, self._workspace, notes, request, heard)
            except asyncio.CancelledError:
                heard.abandon()
                raise
        return self._methods[type(request)](request)

    def labelled(self, question: p.Question, reply: p.ReplyBody) -> p.ReplyBody:
        """A worker's reply with the labels in it, which workers don't know."""
        return labelled(question, reply, self._notes.labels)

    def _contents(self, _: p.GetContents) -> p.Contents:
        workspace = self._workspace
        return p.Contents(
            workspace=str(workspace.root),
            prompts=self._prompts.all(),
            activations=list(
                _readable(
                    lambda name: activations_info(workspace.activations(name)),
                    workspace.names("activations"),
                )
            ),
            saes=list(_readable(lambda name: sae_info(workspace, name), workspace.names("saes"))),
        )

    def _summary(self, request: p.GetSummary) -> p.ActivationsSummary:
        folder = self._workspace.existing_activations(request.name)
        summary = summarise(read_manifest(folder))
        return p.ActivationsSummary(
            name=request.name,
            prompts=summary.prompts,
            average_tokens=summary.average_tokens,
            d_model=summary.d_model,
            vectors=summary.vectors,
        )

    def _save_prompt(self, request: p.SavePrompt) -> p.SavedPrompt:
        saved = self._prompts.save(request.id, request.prompt, request.category)
        self._changed()
        return saved

    def _delete_prompt(self, request: p.DeletePrompt) -> p.Done:
        self._prompts.delete(request.id)
        return self._done()

    def _restore_prompts(self, request: p.RestorePrompts) -> p.Done:
        self._prompts.restore(request.prompts)
        return self._done()

    def _delete_activations(self, request: p.DeleteActivations) -> p.Done:
        folder = self._workspace.existing_activations(request.name)
        self._check_unused(folder)
        remove_folder(folder)
        return self._done()

    def _delete_sae(self, request: p.DeleteSAE) -> p.Done:
        folder = self._workspace.existing_sae(request.name)
        self._check_unused(folder)
        remove_folder(self._workspace.catalogue(request.name))
        remove_folder(self._workspace.checkpoints(request.name))
        remove_folder(self._workspace.scan(request.name))
        remove_folder(folder)
        self._notes.forget(request.name)
        return self._done()

    def _begun(self, request: p.GetBegun) -> p.Begun:
        start, record = newest_start(request.name, self._workspace)
        return p.Begun(spec=start.spec, step=record.step, steps=record.steps)

    def _check_unused(self, folder: Path) -> None:
        for job in self._ledger.pending():
            used = job.spec.reads(self._workspace) | job.spec.makes(self._workspace)
            if folder in used:
                raise UserError(
                    f"{folder.name} is in use by job {job.id}.", "Cancel the job first."
                )

    def _done(self) -> p.Done:
        self._changed()
        return p.Done()


def _readable(read: Callable[[str], T], names: list[str]) -> Iterator[T]:
    """What can be read of `names`: one damaged folder must not hide the rest.

    Whoever asks for that one by its name is told what is wrong with it.
    """
    for name in names:
        try:
            yield read(name)
        except UserError as error:
            log.warning("left out of the lists: %s", error)


def activations_info(folder: Path) -> p.ActivationsInfo:
    """A set as lists show it."""
    manifest = read_manifest(folder)
    return p.ActivationsInfo(
        name=folder.name,
        model=manifest.model,
        site=manifest.site,
        d_model=manifest.d_model,
        tokens=manifest.tokens,
        documents=manifest.documents,
        dtype=manifest.dtype,
        bytes=sum(shard.bytes for shard in manifest.shards),
        origin=manifest.origin,
    )


def sae_info(workspace: Workspace, name: str) -> p.SAEInfo:
    """An SAE as lists show it."""
    info = read_sae_info(workspace.sae(name))
    return p.SAEInfo(
        name=name,
        arch=info.architecture,
        d_in=info.d_in,
        d_sae=info.d_sae,
        k=info.k,
        model=info.metadata.model,
        site=info.metadata.site,
        activations=info.metadata.activations,
        metrics=info.metadata.metrics,
        scanned=workspace.catalogue(name).exists() or workspace.scan(name).exists(),
    )
