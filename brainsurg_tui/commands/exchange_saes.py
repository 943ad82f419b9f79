"""`import-sae` and `export-sae`: other libraries' SAEs, both ways."""

import os
from pathlib import Path

from brainsurg_tui.commands.common import absolute, model_source
from brainsurg_tui.commands.job_options import JobOptions
from brainsurg_tui.commands.options import SAE, NewFolder, NewSAE
from engine.service import protocol as p


def import_sae(
    name: NewSAE,
    source: str,
    *,
    format: p.Format | None = None,
    model: str | None = None,
    site: str | None = None,
    common: JobOptions = JobOptions(),
) -> None:
    """Read an SAE or a transcoder that another library saved.

    Parameters
    ----------
    source
        A folder or file, or on the Hugging Face hub owner/name or owner/name:folder.
    format
        Whose layout it is in; if none is named, what the names of its files tell.
    model
        The model whose activations it reads, if its files don't tell: a folder, a hub id or `demo`.
    site
        Where in the model, if its files don't tell, such as resid_post.13.
    """
    is_path = source.startswith((".", "/", "~")) or os.path.exists(source)
    common.run_and_print(
        p.ImportSAE(
            name=name,
            source=absolute(Path(source)) if is_path else source,
            format=format,
            model=None if model is None else model_source(model),
            site=site,
            device=common.device,
            seed=common.seed,
        )
    )


def export_sae(
    name: SAE, folder: NewFolder, *, format: p.Format, common: JobOptions = JobOptions()
) -> None:
    """Write an SAE as another library saves its own, so that it can be loaded there.

    Parameters
    ----------
    format
        Whose layout to write.
    """
    common.run_and_print(p.ExportSAE(name=name, folder=absolute(folder), format=format))
