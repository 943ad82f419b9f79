"""What the workspace holds: prompts, activation sets and SAEs; and changes to them."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar

from engine.activations.store.manifest import read_manifest
from engine.activations.store.row_kinds_files import read_row_summary
from engine.activations.store.summary import summarise
from engine.errors import UserError
from engine.files import remove_folder
from engine.sae.formats.info import read_sae_info
from engine.service import protocol as p
from engine.service.handlers.context import Context
from engine.service.handlers.registry import on_loop
from engine.workspace.folders import Workspace

T = TypeVar("T")

log = logging.getLogger("engine")


@on_loop(p.GetContents)
def get_contents(_: p.GetContents, context: Context) -> p.Contents:
    """All that the workspace holds, but for its jobs."""
    workspace = context.workspace
    sets, damaged_sets = _read_each(workspace, "activations", activations_info)
    saes, damaged_saes = _read_each(workspace, "sae", sae_info)
    return p.Contents(
        workspace=str(workspace.root),
        prompts=context.prompts.all(),
        activations=sets,
        saes=saes,
        damaged=[*damaged_sets, *damaged_saes],
        is_read_only=workspace.is_read_only,
    )


@on_loop(p.GetSummary)
def get_summary(request: p.GetSummary, context: Context) -> p.ActivationsSummary:
    """The dataset statistics of one activation set."""
    folder = context.workspace.existing_activations(request.name)
    manifest = read_manifest(folder)
    summary, rows = summarise(manifest), read_row_summary(folder, manifest)
    return p.ActivationsSummary(
        name=request.name,
        model=manifest.model,
        model_dtype=manifest.model_dtype,
        quantisation=manifest.quantisation,
        prompts=summary.prompts,
        average_tokens=summary.average_tokens,
        d_model=summary.d_model,
        vectors=summary.vectors,
        sinks=None if rows is None else rows.counts.sink,
        row_summary=rows,
    )


@on_loop(p.SavePrompt, changes=True)
def save_prompt(request: p.SavePrompt, context: Context) -> p.SavedPrompt:
    """Add a prompt, or change one."""
    prompt = context.prompts.save(request.id, request.prompt, request.category)
    context.publish_change()
    return prompt


@on_loop(p.DeletePrompt, changes=True)
def delete_prompt(request: p.DeletePrompt, context: Context) -> p.Done:
    """Remove a prompt."""
    context.prompts.delete(request.id)
    context.publish_change()
    return p.Done()


@on_loop(p.RestorePrompts, changes=True)
def restore_prompts(request: p.RestorePrompts, context: Context) -> p.Done:
    """Replace the whole list of prompts."""
    context.prompts.restore(request.prompts)
    context.publish_change()
    return p.Done()


@on_loop(p.DeleteActivations, changes=True)
def delete_activations(request: p.DeleteActivations, context: Context) -> p.Done:
    """Remove an activation set that no job uses."""
    folder = context.workspace.existing_activations(request.name)
    _check_unused(folder, context)
    remove_folder(folder)
    context.publish_change()
    return p.Done()


@on_loop(p.DeleteSAE, changes=True)
def delete_sae(request: p.DeleteSAE, context: Context) -> p.Done:
    """Remove an SAE that no job uses, and all that was made of it."""
    workspace = context.workspace
    folder = workspace.existing_sae(request.name)
    _check_unused(folder, context)
    remove_folder(workspace.catalogue(request.name))
    remove_folder(workspace.checkpoints(request.name))
    remove_folder(workspace.scan(request.name))
    remove_folder(folder)
    context.publish_change()
    context.notes.forget(request.name)  # last: where that can't be written, the rest is gone
    return p.Done()


def activations_info(workspace: Workspace, name: str) -> p.ActivationsInfo:
    """An activation set as lists show it."""
    folder = workspace.activations(name)
    manifest = read_manifest(folder)
    return p.ActivationsInfo(
        name=name,
        model=manifest.model,
        site=manifest.site,
        d_model=manifest.d_model,
        tokens=manifest.tokens,
        documents=manifest.documents,
        dtype=manifest.dtype,
        model_dtype=manifest.model_dtype,
        quantisation=manifest.quantisation,
        bytes=sum(shard.bytes for shard in manifest.shards),
        origin=manifest.origin,
        row_summary=read_row_summary(folder, manifest),
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
        target_site=info.metadata.target_site,
        activations=info.metadata.activations,
        metrics=info.metadata.metrics,
        keep_sinks=info.metadata.keep_sinks,
        measured_with_sinks=info.metadata.has_sinks_in_figures,
        row_summary=info.metadata.row_summary,
        scanned=workspace.catalogue(name).exists() or workspace.scan(name).exists(),
    )


def _check_unused(folder: Path, context: Context) -> None:
    for job in context.jobs.pending():
        if folder in job.spec.reads(context.workspace) | job.spec.makes(context.workspace):
            raise UserError(f"{folder.name} is in use by job {job.id}.", "Cancel the job first.")


def _read_each(
    workspace: Workspace, kind: Literal["activations", "sae"], read: Callable[[Workspace, str], T]
) -> tuple[list[T], list[p.DamagedInfo]]:
    """What can be read of all sets or SAEs, and the rest: one damaged folder must hide no other."""
    found, damaged = [], []
    for name in workspace.names("activations" if kind == "activations" else "saes"):
        try:
            found.append(read(workspace, name))
        except (UserError, OSError) as error:
            log.warning("%s can't be read: %s", name, error)
            damaged.append(p.DamagedInfo(kind=kind, name=name, problem=str(error)))
    return found, damaged
