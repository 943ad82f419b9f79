"""Other libraries' SAEs in and out."""

from pathlib import Path

import msgspec

from engine.errors import UserError
from engine.files import whole_folder
from engine.jobs.kinds import ExchangedSAE, ExportSAE, ImportSAE
from engine.progress import Progress
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.formats.in_model import check_fits_model
from engine.sae.formats.info import read_sae_info
from engine.sae.formats.input_fields import note_on_input
from engine.sae.formats.libraries import library, read_sae, recognise
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.sources import is_path, locate
from engine.sae.formats.stated_figures import stated_or_noted
from engine.sae.formats.store import load_sae, save_sae
from engine.sae.formats.unknown_fields import note_on_unknown_fields
from engine.workspace.folders import Workspace


def import_sae(spec: ImportSAE, workspace: Workspace, progress: Progress) -> ExchangedSAE:
    """Read an SAE of another library, and save it as our own are: as SAELens does, if it has such.

    Raises UserError for files that are in no known format, that can't be had, or that can't belong
    to the model that they name, or that is named for them.
    """
    located = locate(spec.source, spec.format, progress, layer=spec.layer)
    format, path = recognise(located.path, located.format or spec.format, spec.layer)
    progress(f"read {format}", 0)
    known = located.published.model if located.published is not None else None
    sae: SparseAutoencoder
    sae, metadata = read_sae(format, path, k=spec.k, model=spec.model or known)
    metadata = located.with_what_is_known(metadata)
    if spec.target_site is not None and not sae.config.transcodes:
        raise UserError(f"{spec.source} reconstructs what it reads.", "Leave out --target-site.")
    stated = stated_or_noted(format, path, progress.note)
    metadata = msgspec.structs.replace(
        metadata,
        model=spec.model or metadata.model,
        site=spec.site or metadata.site,
        target_site=spec.target_site or metadata.target_site,
        imported_from=f"{format}: {located.origin}",
        stated=stated if stated.figures else located.stated,
    )
    check_fits_model(sae.config, metadata)
    _note_what_is_unknown(sae, metadata, progress)
    for note in (note_on_input(metadata), note_on_unknown_fields(metadata.unknown_fields)):
        if note:
            progress.note(note)
    progress("save", 0)
    save_sae(sae, workspace.sae(spec.name), metadata)
    return _summary(
        spec.name, format, workspace, source="" if is_path(spec.source) else located.origin
    )


def export_sae(spec: ExportSAE, workspace: Workspace, progress: Progress) -> ExchangedSAE:
    """Write an SAE as another library does. The folder appears, whole, when all is written."""
    progress("load the SAE", 0)
    sae, metadata = load_sae(workspace.existing_sae(spec.name))
    progress(f"write {spec.format}", 0)
    with whole_folder(Path(spec.folder)) as temporary:
        library(spec.format).write(sae, temporary, metadata)
    return _summary(spec.name, spec.format, workspace)


def _note_what_is_unknown(
    sae: SparseAutoencoder, metadata: SAEMetadata, progress: Progress
) -> None:
    unknown = [
        f"which {what} it belongs to (--{what})"
        for what, value in (("model", metadata.model), ("site", metadata.site))
        if not value
    ]
    if unknown:
        progress.note(
            f"Its files don't tell {' nor '.join(unknown)}. Scan it with --activations, and its"
            " clamps will take that from the set."
        )
    if sae.config.transcodes and not metadata.target_site:
        progress.note(
            "It is a transcoder, and its files don't tell which site it predicts: name that with"
            " --target-site before it is clamped."
        )


def _summary(name: str, format: str, workspace: Workspace, *, source: str = "") -> ExchangedSAE:
    info = read_sae_info(workspace.sae(name))
    return ExchangedSAE(
        name=name,
        arch=info.architecture,
        d_in=info.d_in,
        d_sae=info.d_sae,
        k=info.k,
        model=info.metadata.model,
        site=info.metadata.site,
        target_site=info.metadata.target_site,
        source=source,
        format=format,
    )
