"""`import-activations` and `export-activations`: the seed's format, both ways."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from brainsurg_tui.commands.common import absolute
from brainsurg_tui.commands.job_options import JobOptions
from brainsurg_tui.commands.options import ActivationSet, NewFolder, NewSet
from engine.service import protocol as p


def import_activations(
    name: NewSet,
    folder: Annotated[Path, Parameter(help="Where the files lie.")],
    *,
    common: JobOptions = JobOptions(),
) -> None:
    """Read activations_i.pt and metadata.json, the seed's format, as an activation set."""
    common.run_and_print(p.ImportActivations(name=name, folder=absolute(folder)))


def export_activations(
    name: ActivationSet, folder: NewFolder, *, common: JobOptions = JobOptions()
) -> None:
    """Write an activation set as activations_i.pt and metadata.json, the seed's format."""
    common.run_and_print(p.ExportActivations(name=name, folder=absolute(folder)))
