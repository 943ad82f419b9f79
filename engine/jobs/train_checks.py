"""What can be said against a training before it is queued (no torch here)."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from engine.activations.manifest import read_manifest
from engine.errors import UserError
from engine.jobs.specs import Train
from engine.model.site import parse_site
from engine.sae.recipes import SETTINGS, recipe
from engine.sae.training.checkpoint import Record, newest_record
from engine.sae.training.devices import check_devices
from engine.workspace.folders import Workspace

UNKNOWN_WIDTH = 1 << 20
"""Stands for the width of a model that isn't loaded: so wide that nothing is refused for it."""

MAY_CHANGE = frozenset({"device", "devices", "shards", "checkpoint_minutes", "replace", "resume"})
"""Fields of a spec that a training may go on with whatever they were."""


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """What a checkpoint says of its training."""

    spec: Train
    run: dict[str, Any]
    """The `engine.sae.training.runs.Run` that came of the spec."""
    data: dict[str, str]
    """Activation sets by name, and what tells each from others of that name."""


def begun_by(about: Mapping[str, Any]) -> Begun:
    """What was kept in a checkpoint. UserError if another version of this program wrote it."""
    try:
        return msgspec.convert(about, Begun)
    except msgspec.ValidationError as error:
        raise UserError(
            f"The checkpoint can't be understood: {error}.", "Begin anew with --replace."
        ) from error


def check_train(spec: Train, workspace: Workspace) -> None:
    """Raise UserError for a training that can't succeed."""
    if spec.resume:
        _check_unchanged(spec, workspace)
    elif not spec.replace:
        _check_not_begun(spec.name, workspace)
    if not (math.isfinite(spec.checkpoint_minutes) and spec.checkpoint_minutes >= 0):
        raise UserError(f"--checkpoint-minutes is {spec.checkpoint_minutes}.", "Choose some.")
    sae, training = recipe(**settings(spec), **_sizes(spec, workspace))
    check_devices(sae, training.batch, spec.devices, spec.shards)


def settings(spec: Train) -> dict[str, Any]:
    """What the spec says of the recipe, as `engine.sae.recipes.recipe` takes it."""
    same = [name for name in Train.__struct_fields__ if name in SETTINGS]
    return {"architecture": spec.arch, **{name: getattr(spec, name) for name in same}}


def begun(name: str, workspace: Workspace) -> tuple[Train, Record]:
    """What a training was begun with, and its newest checkpoint. UserError if there is none."""
    record = newest_record(workspace.checkpoints(name))
    if record is None:
        raise UserError(
            f"There is no checkpoint of a training {name!r} to go on from.",
            "Train it without --resume.",
        )
    return begun_by(record.about).spec, record


def again(spec: Train, workspace: Workspace) -> Train:
    """What to do to bring a training to its end that was interrupted: from its newest checkpoint,
    from the SAE if that was saved already, or from the beginning where there is neither yet."""
    has_one = newest_record(workspace.checkpoints(spec.name)) is not None
    made = workspace.sae(spec.name).exists() and not spec.replace
    return msgspec.structs.replace(spec, resume=has_one or made)


def _sizes(spec: Train, workspace: Workspace) -> dict[str, Any]:
    """What is known of the data, as `engine.sae.recipes.recipe` takes it."""
    if not spec.activations:
        _check_stream(spec)
        d_out = None if spec.target_site is None else UNKNOWN_WIDTH
        return {"d_in": UNKNOWN_WIDTH, "d_out": d_out, "vectors": 1}
    _check_no_stream(spec)
    acts = read_manifest(workspace.existing_activations(spec.activations))
    d_out = None
    if spec.target is not None:
        d_out = read_manifest(workspace.existing_activations(spec.target)).d_model
    return {"d_in": acts.d_model, "d_out": d_out, "vectors": acts.tokens}


def _check_unchanged(spec: Train, workspace: Workspace) -> None:
    """UserError, by the name of the flag, for a setting that is another than at the beginning."""
    made = workspace.sae(spec.name).exists()
    if made and newest_record(workspace.checkpoints(spec.name)) is None:
        return  # it was interrupted at its very end; the job compares what it made
    was, _ = begun(spec.name, workspace)
    for field in Train.__struct_fields__:
        then, now = getattr(was, field), getattr(spec, field)
        if field not in MAY_CHANGE and then != now:
            flag = "--" + {"texts": "text"}.get(field, field).replace("_", "-")
            raise UserError(
                f"{spec.name} was begun with {_set(flag, then)}, and can't go on with"
                f" {_set(flag, now)}.",
                "Leave it as it was, or begin anew with --replace.",
            )


def _set(flag: str, value: Any) -> str:
    if value is False or value in (None, "", []):
        return f"no {flag}"
    if value is True:
        return flag
    return f"{flag} {' '.join(value) if isinstance(value, list) else value}"


def _check_not_begun(name: str, workspace: Workspace) -> None:
    record = newest_record(workspace.checkpoints(name))
    if record is not None:
        raise UserError(
            f"{name} was begun before: there is a checkpoint of step {record.step:,} of"
            f" {record.steps:,}.",
            "Go on from it with --resume, or begin anew with --replace.",
        )
    folder = workspace.sae(name)
    if folder.exists():
        raise UserError(f"{folder} is already there.", "Choose another name.")


def _check_no_stream(spec: Train) -> None:
    for_streams = (spec.model, spec.site, spec.target_site, spec.texts, spec.dataset, spec.context)
    if any(for_streams):
        raise UserError(
            "A training reads an activation set, or a model that reads text, and not both.",
            "Give either --activations, or --model, --site and --text.",
        )


def _check_stream(spec: Train) -> None:
    if spec.model is None or spec.site is None:
        raise UserError(
            "There is nothing to learn from.",
            "Give either --activations, or --model, --site and --text.",
        )
    if spec.target is not None:
        raise UserError("--target is an activation set.", "With --model, give --target-site.")
    for site in filter(None, (spec.site, spec.target_site)):
        parse_site(site)
    if (not spec.texts) == (spec.dataset is None):
        raise UserError(
            "A model reads text or a data set, and one of them.", "Give --text or --dataset."
        )
    for text in spec.texts:
        if not Path(text).exists():
            raise UserError(f"There is no file {text}.")
