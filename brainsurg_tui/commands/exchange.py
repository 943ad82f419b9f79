"""`import-sae` and `export-sae`: other libraries' SAEs, both ways."""

import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from brainsurg_tui.commands import tables
from brainsurg_tui.commands.common import Common, absolute, model_source
from brainsurg_tui.commands.following import submit
from engine.service import protocol as p

Detach = Annotated[bool, Parameter(negative="")]


def import_sae(
    name: str,
    source: str,
    *,
    format: p.Format | None = None,
    model: str | None = None,
    site: str | None = None,
    detach: Detach = False,
    common: Common | None = None,
) -> None:
    """Read an SAE or a transcoder that another library saved.

    Parameters
    ----------
    name
        What to call the SAE.
    source
        A folder or file, or on the Hugging Face hub owner/name or owner/name:folder.
    format
        Whose layout it is in; if none is named, what the names of its files tell.
    model
        The model whose activations it reads, if its files don't tell: a folder, a hub id or `demo`.
    site
        Where in the model, if its files don't tell, such as resid_post.13.
    detach
        Queue the job, print its id and return.
    """
    common = common or Common()
    is_path = source.startswith((".", "/", "~")) or os.path.exists(source)
    spec = p.ImportSAE(
        name=name,
        source=absolute(Path(source)) if is_path else source,
        format=format,
        model=None if model is None else model_source(model),
        site=site,
        device=common.device,
        seed=common.seed,
    )
    tables.tell_job(common, submit(common, spec, detach=detach))


def export_sae(
    name: str,
    folder: Path,
    *,
    format: p.Format,
    detach: Detach = False,
    common: Common | None = None,
) -> None:
    """Write an SAE as another library saves its own, so that it can be loaded there.

    Parameters
    ----------
    name
        The SAE.
    folder
        The folder to make.
    format
        Whose layout to write.
    detach
        Queue the job, print its id and return.
    """
    common = common or Common()
    spec = p.ExportSAE(name=name, folder=absolute(folder), format=format)
    tables.tell_job(common, submit(common, spec, detach=detach))
