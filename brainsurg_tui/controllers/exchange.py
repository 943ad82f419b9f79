"""Activations from and to the seed's files: `activations_0.pt` … and `metadata.json`."""

from pathlib import Path

from brainsurg_tui.controllers.shell import Shell
from brainsurg_tui.controllers.submit import existing_path, free_name, submit
from brainsurg_tui.screens.form import Field, Form
from engine.service.protocol import ExportActivations, ImportActivations


class ExchangeController:
    """Submits imports and exports of activations in the seed's format."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def import_activations(self) -> None:
        """Let the user type which folder to import."""
        name = free_name("imported", (a.name for a in self._shell.state.contents.activations))
        fields = [
            Field("folder", "folder", help="Holds activations_0.pt … and metadata.json."),
            Field("name", "name", name, help="Name of the new activation set."),
        ]
        self._shell.push_screen(Form("Import activations", fields, self._import, verb="import"))

    async def _import(self, values: dict[str, str]) -> None:
        spec = ImportActivations(name=values["name"], folder=str(existing_path(values["folder"])))
        await submit(self._shell, "import", values, spec)

    def export_activations(self) -> None:
        """Let the user choose which activation set to export, and where to."""
        sets = tuple(known.name for known in self._shell.state.contents.activations)
        fields = [
            Field("name", "activations", sets[-1], choices=sets, free=False),
            Field("folder", "folder", f"{sets[-1]}-export", help="A new folder for the files."),
        ]
        self._shell.push_screen(Form("Export activations", fields, self._export, verb="export"))

    async def _export(self, values: dict[str, str]) -> None:
        folder = Path(values["folder"]).expanduser().resolve()
        await submit(
            self._shell,
            "export",
            values,
            ExportActivations(name=values["name"], folder=str(folder)),
        )
