"""Probes: telling labels of texts from features, and showing which tell them."""

from brainsurg_tui.controllers.shell import Shell
from brainsurg_tui.controllers.submit import existing_path, submit
from brainsurg_tui.screens.form import Field, Form
from brainsurg_tui.state.search_results import SearchResults
from engine.service.protocol import KindField, Probe, ProbeResult, kind_fields


class ProbeController:
    """Submits probes, and shows what they found where findings are shown."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def probe(self) -> None:
        """Let the user say which SAE is probed with which texts."""
        saes = tuple(known.name for known in self._shell.state.contents.saes)
        known = {field.name: field for field in kind_fields(Probe)}
        fields = [
            Field("sae", "SAE", self._shell.state.sae or saes[-1], choices=saes, free=False),
            self._field(known["texts"], "texts"),
            self._field(known["text_key"], "text column"),
            self._field(known["label_key"], "label column"),
            self._field(known["pool"], "over tokens"),
        ]
        self._shell.push_screen(Form("Probe with labelled texts", fields, self._send, verb="probe"))

    def _field(self, known: KindField, label: str) -> Field:
        """A field of the job, with what was typed into it last."""
        last = self._shell.workspace_memory.forms.get("probe", {})
        choices = known.setting.choices
        return Field(
            known.name,
            label,
            last.get(known.name, known.default or ""),
            known.help,
            choices=() if choices is None else tuple(choices()),
            free=choices is None,
        )

    async def _send(self, values: dict[str, str]) -> None:
        spec = Probe(
            sae=values["sae"],
            texts=[str(existing_path(values["texts"]))],
            text_key=values["text_key"],
            label_key=values["label_key"],
            pool=values["pool"],
            device=self._shell.device,
        )
        await submit(self._shell, "probe", values, spec)
        self._shell.main.go_to("jobs")

    def show_chosen(self) -> None:
        """Show the features of the chosen probe, which is done."""
        job = self._shell.state.jobs.chosen_info()
        if job is None or not isinstance(job.spec, Probe):
            return
        if isinstance(job.result, ProbeResult):
            results = SearchResults(job.spec)
            self._shell.state.search.begin(results)
            self._shell.state.search.set_answer(results, job.result)
            self._shell.state.search.end()
            self._shell.main.go_to("findings")
