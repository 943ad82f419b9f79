"""What can be said against a job before it is queued (no torch here).

A mistake that can be seen at once is told at once, not minutes later when a worker finds it.
What only the model or the data can tell is left to the job.
"""

from collections.abc import Iterable
from pathlib import Path

from engine.activations.corpus import read_prompts
from engine.activations.manifest import Manifest, read_manifest
from engine.errors import UserError
from engine.files import checked_name
from engine.jobs.events import JobInfo
from engine.jobs.exchange_checks import check_export_sae, check_import_sae
from engine.jobs.export_features_checks import check_export_features, scanned_set
from engine.jobs.specs import (
    Capture,
    Evaluate,
    ExportActivations,
    ExportFeatures,
    ExportSAE,
    ImportActivations,
    ImportSAE,
    JobSpec,
    Scan,
    Sweep,
    Train,
)
from engine.jobs.sweep_grid import check_sweep, members
from engine.jobs.train_checks import check_train
from engine.model.site import parse_site
from engine.sae.formats.info import read_config, read_sae_info
from engine.sae.formats.metadata import read_metadata
from engine.workspace.folders import Workspace


def check(spec: JobSpec, workspace: Workspace) -> None:
    """Raise UserError for a job that can't succeed."""
    match spec:
        case Capture():
            _check_capture(spec, workspace)
        case ImportActivations():
            _check_free(workspace.activations(spec.name))
            _check_folder(spec.folder)
        case ExportActivations():
            workspace.existing_activations(spec.name)
            _check_free(Path(spec.folder))
        case ImportSAE():
            check_import_sae(spec, workspace)
        case ExportSAE():
            check_export_sae(spec, workspace)
        case Train():
            check_train(spec, workspace)
        case Sweep():
            check_sweep(spec, workspace)
        case Scan():
            _check_scan(spec, workspace)
        case Evaluate():
            _check_evaluate(spec, workspace)
        case ExportFeatures():
            check_export_features(spec, workspace)


def check_pending(spec: JobSpec, pending: Iterable[JobInfo], workspace: Workspace) -> None:
    """Raise UserError if one of the `pending` jobs is to make what `spec` would make."""
    if isinstance(spec, Scan):
        return
    for job in pending:
        for path in outputs(spec, workspace) & outputs(job.spec, workspace):
            raise UserError(f"Job {job.id} is about to make {path}.", "Choose another name.")


def outputs(spec: JobSpec, workspace: Workspace) -> set[Path]:
    """The folders that a job makes."""
    match spec:
        case Capture():
            return {workspace.activations(name) for name in set_names(spec)}
        case ImportActivations():
            return {workspace.activations(spec.name)}
        case ExportActivations() | ExportSAE() | ExportFeatures():
            return {Path(spec.folder)}
        case Train() | ImportSAE():
            return {workspace.sae(spec.name)}
        case Sweep():
            return {workspace.sae(member.name) for member in members(spec)}
        case Scan():
            return {workspace.catalogue(spec.sae)}
        case Evaluate():
            return set()


def inputs(spec: JobSpec, workspace: Workspace) -> set[Path]:
    """The folders of the workspace that a job reads."""
    match spec:
        case ExportActivations():
            return {workspace.activations(spec.name)}
        case ExportSAE():
            return {workspace.sae(spec.name)}
        case Train():
            return {workspace.activations(name) for name in (spec.activations, spec.target) if name}
        case Sweep():
            return inputs(spec.train, workspace)
        case Scan():
            acts = activations_of(spec, workspace)
            return {workspace.sae(spec.sae), workspace.activations(acts)}
        case Evaluate():
            sets = {activations_of(spec, workspace), *filter(None, [spec.target])}
            return {workspace.sae(spec.sae), *map(workspace.activations, sets)}
        case ExportFeatures():
            acts = scanned_set(spec.sae, workspace)
            read = {workspace.sae(spec.sae), workspace.catalogue(spec.sae)}
            return read | {workspace.activations(acts)}
        case Capture() | ImportActivations() | ImportSAE():
            return set()


def set_names(spec: Capture) -> list[str]:
    """The activation sets that a capture makes, one a site."""
    if len(spec.sites) == 1:
        return [spec.name]
    return [f"{spec.name}.{site}" for site in spec.sites]


def activations_of(spec: Scan | Evaluate, workspace: Workspace) -> str:
    """The activation set that a scan or an evaluation reads."""
    name = spec.activations
    if name is None:
        name = read_sae_info(workspace.existing_sae(spec.sae)).metadata.activations
    if not name:
        raise UserError(
            f"{spec.sae} does not say what it was trained on.", "Name a set with --activations."
        )
    return name


def _check_capture(spec: Capture, workspace: Workspace) -> None:
    checked_name(spec.name)
    if not spec.sites:
        raise UserError("No site is named.", "Say where to look, such as --site resid_post.3.")
    for site in spec.sites:
        parse_site(site)
    if len(set(spec.sites)) < len(spec.sites):
        raise UserError("A site is named twice.")
    prompts = spec.prompts or spec.prompt_file
    if sum(map(bool, (prompts, spec.texts, spec.dataset, spec.demo_documents))) != 1:
        raise UserError(
            "A capture reads prompts, text or a data set, and exactly one of them.",
            "Give one of --prompts, --text and --dataset.",
        )
    if spec.prompt_file is not None:
        read_prompts(Path(spec.prompt_file))
    for text in spec.texts:
        if not Path(text).exists():
            raise UserError(f"There is no file {text}.")
    for name, value in (("--max-tokens", spec.max_tokens), ("--context", spec.context)):
        if value is not None and value < 1:
            raise UserError(f"{name} must be at least 1, and is {value}.")
    if spec.generate < 0:
        raise UserError(f"--generate can't be negative, and is {spec.generate}.")
    for name in set_names(spec):
        _check_free(workspace.activations(name))


def _check_scan(spec: Scan, workspace: Workspace) -> None:
    info = read_sae_info(workspace.existing_sae(spec.sae))
    name = activations_of(spec, workspace)
    if spec.top_k < 1:
        raise UserError(f"--top-k must be at least 1, and is {spec.top_k}.")
    if spec.radius < 0:
        raise UserError(f"--radius can't be negative, and is {spec.radius}.")
    manifest = read_manifest(workspace.existing_activations(name))
    _check_width(spec.sae, "reads", info.d_in, name, manifest)


def _check_evaluate(spec: Evaluate, workspace: Workspace) -> None:
    folder = workspace.existing_sae(spec.sae)
    config, metadata = read_config(folder), read_metadata(folder)
    name = activations_of(spec, workspace)
    acts = read_manifest(workspace.existing_activations(name))
    _check_width(spec.sae, "reads", config.d_in, name, acts)
    if metadata.site and acts.site and metadata.site != acts.site:
        raise UserError(
            f"{spec.sae} reads {metadata.site}, and {name} was captured at {acts.site}.",
            f"Capture {metadata.site}.",
        )
    if config.transcodes and spec.target is None:
        raise UserError(
            f"{spec.sae} is a transcoder: it predicts other activations than it reads.",
            "Name the set of what it predicts with --target.",
        )
    if spec.target is not None:
        if not config.transcodes:
            raise UserError(f"{spec.sae} reconstructs what it reads.", "Leave out --target.")
        target = read_manifest(workspace.existing_activations(spec.target))
        _check_width(spec.sae, "predicts", config.width_out, spec.target, target)
    if spec.max_tokens < 1:
        raise UserError(f"--max-tokens must be at least 1, and is {spec.max_tokens}.")


def _check_width(sae: str, does: str, width: int, name: str, acts: Manifest) -> None:
    if acts.d_model != width:
        raise UserError(
            f"{sae} {does} activations {width} wide, and those of {name} are {acts.d_model} wide."
        )


def _check_free(path: Path) -> None:
    if path.exists():
        raise UserError(f"{path} is already there.", "Choose another name.")


def _check_folder(folder: str) -> None:
    if not Path(folder).is_dir():
        raise UserError(f"There is no folder {folder}.")
