"""The chain from a prompt to features: every step a form with good answers in it already."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from brainsurg_tui.desks.clamping import number, whole
from brainsurg_tui.screens.form import Field, Form, Send
from engine.errors import UserError
from engine.service.protocol import (
    Capture,
    ExportActivations,
    GetSites,
    ImportActivations,
    JobSpec,
    Prompt,
    Scan,
    Submit,
    Train,
    describe,
)

if TYPE_CHECKING:
    from brainsurg_tui.app import BrainSurgery

ARCHITECTURES = ("topk", "seed-basic", "seed-optimised")
_PROMPTS = "prompts"


class ChainDesk:
    """Capture, train, scan, and activations from and to files."""

    def __init__(self, app: "BrainSurgery") -> None:
        self._app = app

    def capture(self) -> None:
        """Ask what to capture."""
        known = self._app.state.contents.activations
        last = self._app.workspace_memory.forms.get("capture", {})
        model = last.get("model") or (known[-1].model if known else "demo")
        site = last.get("site") or (known[-1].site if known else "")
        form = Form(
            "Capture activations",
            [
                Field(
                    "source",
                    "read",
                    _PROMPTS,
                    "The prompts of pane 1, or a path to text.",
                    (_PROMPTS,),
                ),
                Field("model", "model", model, "A folder, a hub id, or demo.", ("demo",)),
                Field("site", "site", site, "Where to look; several with spaces between."),
                Field(
                    "generate",
                    "continue by",
                    "24",
                    "Tokens to let it write after each prompt first.",
                ),
                Field("max_tokens", "at most", "", "Tokens to keep; empty: all."),
                Field("name", "name", _free("acts", (a.name for a in known)), "Name of the set."),
            ],
            self._capture,
            verb="captures",
        )
        self._app.push_screen(form)
        self._app.begin(self._fill_sites(form, model), "sites")

    async def _fill_sites(self, form: Form, model: str) -> None:
        """Offer the model's sites; the first choice is what most work looks at: its middle."""
        try:
            sites = (await self._app.ask(GetSites(model=model))).sites
        except UserError:
            return  # it is said in the form when that is sent off
        names = tuple(info.site for info in sites)
        outputs = [name for name in names if name.startswith("resid_post.")]
        if form.is_current and outputs:
            form.offer("site", names, outputs[len(outputs) // 2])

    async def _capture(self, values: dict[str, str]) -> None:
        prompts, texts = [], []
        if values["source"] == _PROMPTS:
            marked = self._app.bench.prompts.marked() or self._app.state.contents.prompts
            prompts = [Prompt(prompt=p.prompt, category=p.category) for p in marked]
            if not prompts:
                raise UserError("There are no prompts.", "Add one in pane 1 with a.")
        else:
            texts = [str(_existing(path)) for path in values["source"].split()]
        sites = values["site"].replace(",", " ").split()
        if not sites:
            raise UserError("A site is missing.", "resid_post.0 is the output of the first layer.")
        folder = Path(values["model"]).expanduser()
        await self._submit(
            "capture",
            values,
            Capture(
                name=values["name"],
                model=str(folder.resolve()) if folder.is_dir() else values["model"],
                sites=sites,
                prompts=prompts,
                texts=texts,
                generate=whole(values["generate"] or "0", "continue by") if prompts else 0,
                max_tokens=whole(values["max_tokens"], "at most") if values["max_tokens"] else None,
                device=self._app.device,
            ),
        )

    def train(self) -> None:
        """Ask what to train."""
        contents = self._app.state.contents
        sets = tuple(known.name for known in contents.activations)
        last = self._app.workspace_memory.forms.get("train", {})
        self._form(
            "Train an SAE",
            [
                Field("activations", "activations", sets[-1], "The set to train on.", sets, False),
                Field("arch", "kind", last.get("arch", ARCHITECTURES[0]), "", ARCHITECTURES),
                Field(
                    "width",
                    "features",
                    last.get("width", ""),
                    "Number of features; empty: its recipe.",
                ),
                Field(
                    "k",
                    "k",
                    last.get("k", ""),
                    "Active features per token (topk); empty: its recipe.",
                ),
                Field(
                    "tokens",
                    "tokens",
                    last.get("tokens", ""),
                    "Tokens to train on; empty: its recipe.",
                ),
                Field("lr", "learning rate", last.get("lr", ""), "Empty: its recipe."),
                Field(
                    "name", "name", _free("r", (s.name for s in contents.saes)), "Name of the SAE."
                ),
            ],
            self._train,
            verb="trains",
        )

    async def _train(self, values: dict[str, str]) -> None:
        def given(name: str) -> int | None:
            return whole(values[name], name) if values[name] else None

        spec = Train(
            name=values["name"],
            activations=values["activations"],
            arch=values["arch"],
            lr=number(values["lr"], "learning rate") if values["lr"] else None,
            device=self._app.device,
            width=given("width"),
            k=given("k"),
            tokens=given("tokens"),
        )
        await self._submit("train", values, spec)
        self._app.bench.go_to("loss")

    def scan(self) -> None:
        """Ask what to scan."""
        contents = self._app.state.contents
        saes = tuple(known.name for known in contents.saes)
        sets = tuple(known.name for known in contents.activations)
        selected = self._app.state.sae or saes[-1]
        self._form(
            "Scan for features",
            [
                Field("sae", "SAE", selected, "Whose features.", saes, False),
                Field(
                    "activations",
                    "over",
                    "",
                    "Empty: the set it was trained on.",
                    ("", *sets),
                    False,
                ),
            ],
            self._scan,
            verb="scans",
        )

    async def _scan(self, values: dict[str, str]) -> None:
        spec = Scan(
            sae=values["sae"], activations=values["activations"] or None, device=self._app.device
        )
        await self._submit("scan", values, spec)
        self._app.desks.features.choose_sae(values["sae"])

    def import_activations(self) -> None:
        """Ask which folder to read."""
        names = (known.name for known in self._app.state.contents.activations)
        self._form(
            "Import activations",
            [
                Field("folder", "folder", "", "Holds activations_0.pt … and metadata.json."),
                Field("name", "name", _free("imported", names), "Name of the set."),
            ],
            self._import,
            verb="imports",
        )

    async def _import(self, values: dict[str, str]) -> None:
        spec = ImportActivations(name=values["name"], folder=str(_existing(values["folder"])))
        await self._submit("import", values, spec)

    def export_activations(self) -> None:
        """Ask which set to write where."""
        sets = tuple(known.name for known in self._app.state.contents.activations)
        self._form(
            "Export activations",
            [
                Field("name", "activations", sets[-1], "The set to write.", sets, False),
                Field("folder", "folder", f"{sets[-1]}-export", "A new folder for its files."),
            ],
            self._export,
            verb="exports",
        )

    async def _export(self, values: dict[str, str]) -> None:
        folder = Path(values["folder"]).expanduser().resolve()
        await self._submit(
            "export", values, ExportActivations(name=values["name"], folder=str(folder))
        )

    def _form(self, title: str, fields: list[Field], send: Send, *, verb: str) -> None:
        self._app.push_screen(Form(title, fields, send, verb=verb))

    async def _submit(self, form: str, values: dict[str, str], spec: JobSpec) -> None:
        job = await self._app.ask(Submit(spec=spec))
        self._app.workspace_memory.forms[form] = values
        self._app.state.take_job(job)
        self._app.state.job = job.id
        self._app.show("jobs", "loss")
        self._app.say(f"Job {job.id}: {describe(spec)}.")


def _free(stem: str, taken: Iterable[str]) -> str:
    """The first of `stem1`, `stem2` … that is not taken."""
    names = set(taken)
    number = 1
    while f"{stem}{number}" in names:
        number += 1
    return f"{stem}{number}"


def _existing(text: str) -> Path:
    path = Path(text).expanduser().resolve()
    if not text or not path.exists():
        raise UserError(f"There is no {text or 'path'!r}.", "Check the path.")
    return path
