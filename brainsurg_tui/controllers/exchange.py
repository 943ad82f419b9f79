"""Activations from and to the seed's files: `activations_0.pt` … and `metadata.json`."""

from pathlib import Path
from typing import TYPE_CHECKING

from brainsurg_tui.controllers.submit import existing_path, free_name, submit
from brainsurg_tui.screens.form import Field, Form
from engine.service.protocol import ExportActivations, ImportActivations

if TYPE_CHECKING:
    from brainsurg_tui.app import BrainSurgery


class ExchangeController:
    """In and out."""

    def __init__(self, app: "BrainSurgery") -> None:
        self._app = app

    def import_activations(self) -> None:
        """Ask which folder to read."""
        name = free_name("imported", (a.name for a in self._app.state.contents.activations))
        fields = [
            Field("folder", "folder", help="Holds activations_0.pt … and metadata.json."),
            Field("name", "name", name, help="Name of the new activation set."),
        ]
        self._app.push_screen(Form("Import activations", fields, self._import, verb="import"))

    async def _import(self, values: dict[str, str]) -> None:
        spec = ImportActivations(name=values["name"], folder=str(existing_path(values["folder"])))
        await submit(self._app, "import", values, spec)

    def export_activations(self) -> None:
        """Ask which set to write where."""
        sets = tuple(known.name for known in self._app.state.contents.activations)
        fields = [
            Field("name", "activations", sets[-1], choices=sets, free=False),
            Field("folder", "folder", f"{sets[-1]}-export", help="A new folder for the files."),
        ]
        self._app.push_screen(Form("Export activations", fields, self._export, verb="export"))

    async def _export(self, values: dict[str, str]) -> None:
        folder = Path(values["folder"]).expanduser().resolve()
        await submit(
            self._app, "export", values, ExportActivations(name=values["name"], folder=str(folder))
        )
