"""A training: of an SAE or a transcoder, on an activation set or on a model that reads text."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import msgspec

from engine.activations.manifest import read_manifest
from engine.errors import UserError
from engine.jobs.kinds.base import DeviceSpec, JobResult, register_kind
from engine.jobs.kinds.checks import check_files, file_names
from engine.model.site import parse_site
from engine.sae.recipes import SETTINGS, recipe
from engine.sae.training.checkpoint import Record, newest_record
from engine.sae.training.devices import check_devices
from engine.workspace.folders import Workspace

__all__ = ["Train", "TrainResult"]

UNKNOWN_WIDTH = 1 << 20
"""Stands for the width of a model that isn't loaded: so wide that nothing is refused for it."""

MAY_CHANGE = frozenset({"device", "devices", "shards", "checkpoint_minutes", "replace", "resume"})
"""Fields of a spec that a training may go on with whatever they were."""


class TrainResult(JobResult, msgspec.Struct, frozen=True, kw_only=True, tag="train"):
    """The trained SAE; `metrics` were measured on held-out documents, from reloaded weights."""

    name: str
    arch: str
    d_in: int
    d_sae: int
    steps: int
    tokens: int
    tokens_per_second: float
    metrics: dict[str, float]
    """Of the last step: loss. Of held-out activations: those of
    `engine.sae.evaluation.reconstruction`, among them fvu, explained_variance, l0 and
    dead_fraction. Where a model is at hand: ce_score, delta_ce, kl."""


@register_kind
class Train(DeviceSpec, frozen=True, kw_only=True, tag="train"):
    """Train an SAE or a transcoder on an activation set, or on what a model makes meanwhile.

    None means: the architecture's own recipe decides.
    """

    work = "engine.jobs.work.train:train"
    result = TrainResult
    resumable = True
    is_training = True

    name: str
    activations: str = ""
    """The activation set that is read; empty: a model is observed while it reads text."""
    target: str | None = None
    """For a transcoder: the set that it predicts, captured in one go with the other."""
    model: str | None = None
    """Without a set: a folder, a hub id, or `demo` for the embedded model."""
    site: str | None = None
    """Where the model is observed."""
    target_site: str | None = None
    """For a transcoder: the site that it predicts."""
    texts: list[str] = []
    """Files or folders of documents for the model to read."""
    dataset: str | None = None
    """A data set id for the `datasets` library, where there is a network."""
    context: int | None = None
    """Longest window of tokens in one forward pass; None: what the model allows, at most 1,024."""
    arch: str = "topk"
    """One of `engine.sae.config.ARCHITECTURES`."""
    preset: str = ""
    """One of `engine.sae.recipes.PRESETS`; empty: our own recipe."""
    width: int | None = None
    """Number of features, d_sae."""
    k: int | None = None
    """Active features per token (topk, batchtopk, matryoshka), or how many to aim at (jumprelu)."""
    l1: float | None = None
    """Weight of the sparsity penalty (relu, gated and the seed's two)."""
    skip: bool = False
    """For a transcoder: a linear map beside the features."""
    tokens: int | None = None
    """Training tokens, counted with repetition."""
    batch: int | None = None
    """Tokens per step."""
    lr: float | None = None
    devices: int = 1
    """How many devices train together; each is given its share of every batch."""
    shards: int = 1
    """In how many parts the features are shared out among them, where one can't hold them all."""
    checkpoint_minutes: float = 5.0
    """How often where it stands is saved, so that it can go on after an interruption."""
    replace: bool = False
    """Train again under a name that is taken; the old SAE goes when the new one is whole."""
    resume: bool = False
    """Go on from the newest checkpoint; all settings must be those it was begun with."""

    @property
    def subject(self) -> str:
        return self.name

    @property
    def title(self) -> str:
        return f"train {self.name} ({self.arch})"

    @property
    def details(self) -> str:
        read = self.activations or f"{file_names(self.model or '')} at {self.site}"
        predicted = self.target or self.target_site
        return f"{self.arch} on {read}{f', predicting {predicted}' if predicted else ''}"

    @property
    def recipe_settings(self) -> dict[str, Any]:
        """What is said of the recipe, as `engine.sae.recipes.recipe` takes it."""
        same = [name for name in self.__struct_fields__ if name in SETTINGS]
        return {"architecture": self.arch, **{name: getattr(self, name) for name in same}}

    def reads(self, workspace: Workspace) -> set[Path]:
        return {workspace.activations(name) for name in (self.activations, self.target) if name}

    def makes(self, workspace: Workspace) -> set[Path]:
        return {workspace.sae(self.name)}

    def check(self, workspace: Workspace) -> None:
        if self.resume:
            self._check_unchanged(workspace)
        elif not self.replace:
            self._check_new(workspace)
        if not (math.isfinite(self.checkpoint_minutes) and self.checkpoint_minutes >= 0):
            raise UserError(f"--checkpoint-minutes is {self.checkpoint_minutes}.", "Choose some.")
        sae, training = recipe(**self.recipe_settings, **self._sizes(workspace))
        check_devices(sae, training.batch, self.devices, self.shards)

    def resumed_spec(self, workspace: Workspace) -> Self:
        """The training from its newest checkpoint, from the SAE if that was saved already, or from
        the beginning where there is neither yet."""
        has_checkpoint = newest_record(workspace.checkpoints(self.name)) is not None
        is_saved = workspace.sae(self.name).exists() and not self.replace
        return msgspec.structs.replace(self, resume=has_checkpoint or is_saved)

    def _sizes(self, workspace: Workspace) -> dict[str, Any]:
        """What is known of the data, as `engine.sae.recipes.recipe` takes it."""
        if not self.activations:
            self._check_stream()
            d_out = None if self.target_site is None else UNKNOWN_WIDTH
            return {"d_in": UNKNOWN_WIDTH, "d_out": d_out, "vectors": 1}
        self._check_no_stream()
        acts = read_manifest(workspace.existing_activations(self.activations))
        d_out = None
        if self.target is not None:
            d_out = read_manifest(workspace.existing_activations(self.target)).d_model
        return {"d_in": acts.d_model, "d_out": d_out, "vectors": acts.tokens}

    def _check_unchanged(self, workspace: Workspace) -> None:
        """UserError, by the name of the flag, for a setting that is another than at the start."""
        is_saved = workspace.sae(self.name).exists()
        if is_saved and newest_record(workspace.checkpoints(self.name)) is None:
            return  # it was interrupted at its very end; the job compares what it made
        start, _ = newest_start(self.name, workspace)
        for field in Train.__struct_fields__:
            then, now = getattr(start.spec, field), getattr(self, field)
            if field not in MAY_CHANGE and then != now:
                flag = "--" + {"texts": "text"}.get(field, field).replace("_", "-")
                raise UserError(
                    f"{self.name} was begun with {_setting(flag, then)}, and can't go on with"
                    f" {_setting(flag, now)}.",
                    "Leave it as it was, or begin anew with --replace.",
                )

    def _check_new(self, workspace: Workspace) -> None:
        record = newest_record(workspace.checkpoints(self.name))
        if record is not None:
            raise UserError(
                f"{self.name} was begun before: there is a checkpoint of step {record.step:,} of"
                f" {record.steps:,}.",
                "Go on from it with --resume, or begin anew with --replace.",
            )
        folder = workspace.sae(self.name)
        if folder.exists():
            raise UserError(f"{folder} is already there.", "Choose another name.")

    def _check_no_stream(self) -> None:
        of_streams = (self.model, self.site, self.target_site, self.texts, self.dataset)
        if any((*of_streams, self.context)):
            raise UserError(
                "A training reads an activation set, or a model that reads text, and not both.",
                "Give either --activations, or --model, --site and --text.",
            )

    def _check_stream(self) -> None:
        if self.model is None or self.site is None:
            raise UserError(
                "There is nothing to learn from.",
                "Give either --activations, or --model, --site and --text.",
            )
        if self.target is not None:
            raise UserError("--target is an activation set.", "With --model, give --target-site.")
        for site in filter(None, (self.site, self.target_site)):
            parse_site(site)
        if (not self.texts) == (self.dataset is None):
            raise UserError(
                "A model reads text or a data set, and one of them.", "Give --text or --dataset."
            )
        check_files(self.texts)


class TrainingStart(msgspec.Struct, frozen=True, kw_only=True):
    """What a training was started with, as its checkpoints carry it."""

    spec: Train
    run: dict[str, Any]
    """The `engine.sae.training.runs.Run` that came of the spec."""
    data: dict[str, str]
    """Activation sets by name, and what tells each from others of that name."""


def read_start(about: Mapping[str, Any]) -> TrainingStart:
    """The start that a checkpoint carries. UserError if this version can't understand it."""
    try:
        return msgspec.convert(about, TrainingStart)
    except msgspec.ValidationError as error:
        raise UserError(
            f"The checkpoint can't be understood: {error}.", "Begin anew with --replace."
        ) from error


def newest_start(name: str, workspace: Workspace) -> tuple[TrainingStart, Record]:
    """What a training was started with, and its newest checkpoint. UserError if there is none."""
    record = newest_record(workspace.checkpoints(name))
    if record is None:
        raise UserError(
            f"There is no checkpoint of a training {name!r} to go on from.",
            "Train it without --resume.",
        )
    return read_start(record.about), record


def _setting(flag: str, value: Any) -> str:
    if value is False or value in (None, "", []):
        return f"no {flag}"
    if value is True:
        return flag
    return f"{flag} {' '.join(value) if isinstance(value, list) else value}"
