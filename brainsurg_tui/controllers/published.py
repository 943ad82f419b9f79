"""Published SAEs: which there are for a model, and fetching one."""

import contextlib
from collections.abc import Sequence

from textual.widget import AwaitMount

from brainsurg_tui.controllers.shell import Shell
from brainsurg_tui.controllers.submit import free_name, submit
from brainsurg_tui.screens.form import Field, Form
from brainsurg_tui.widgets.numbers import span
from engine.errors import UserError
from engine.service.protocol import GetPublished, ImportSAE, PublishedSAE, absolute_source

_SMALLEST = "openai-community/gpt2"
"""The smallest model of those that most has been published for: what to begin with."""


class PublishedController:
    """Submits imports of SAEs that are chosen from what is published for a model."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._saes: dict[str, list[PublishedSAE]] = {}
        """Of the model that stands in the form, by release."""

    def choose(self) -> None:
        """Let the user choose a model, a release of SAEs for it, and one of them."""
        known = self._shell.state.contents.activations
        last = self._shell.workspace_memory.forms.get("published", {})
        model = last.get("model") or (known[-1].model if known else "")
        name = free_name("p", (sae.name for sae in self._shell.state.contents.saes))
        fields = [
            Field("model", "model", model, help="A hub id, or a folder with the model."),
            Field("release", "release", help="", choices=("",), free=False),
            Field("id", "SAE", help="", choices=("",), free=False),
            Field("name", "name", name, help="What to call it here."),
        ]
        form = Form(
            "Fetch a published SAE", fields, self._fetch, verb="fetch", left=self._on_field_left
        )
        opened = self._shell.push_screen(form)
        self._shell.begin("published", self._offer_models, form, model, opened)

    def _on_field_left(self, form: Form, field: str, value: str) -> None:
        if field == "model":
            self._shell.begin("published", self._offer_releases, form, value)
        elif field == "release":
            self._offer_saes(form, value)

    async def _offer_models(self, form: Form, model: str, opened: AwaitMount) -> None:
        """Let the form turn through the models for which something is known, and begin with the
        user's own if it is one of them."""
        await opened
        found = await self._shell.ask(GetPublished())
        models = tuple(each.model for each in found.models)
        begin = _SMALLEST if _SMALLEST in models else models[0]
        if model:
            with contextlib.suppress(UserError):
                own = await self._shell.ask(GetPublished(model=absolute_source(model)))
                begin = own.models[0].model
        listed = ", ".join(f"{source.name} ({source.date})" for source in found.sources)
        form.offer("model", models, begin, help=f"A hub id. As listed by {listed}.")
        await self._offer_releases(form, begin)

    async def _offer_releases(self, form: Form, model: str) -> None:
        """Let the form turn through the releases for a model."""
        form.show_error("")
        self._saes = {}
        try:
            found = await self._shell.ask(GetPublished(model=absolute_source(model)))
        except UserError as mistake:
            form.show_error(str(mistake))
            found = None
        for sae in [] if found is None else found.saes:
            self._saes.setdefault(sae.release, []).append(sae)
        if form.is_attached:
            releases = tuple(self._saes)
            kinds = [f"{release}: {_summary(saes)}" for release, saes in self._saes.items()]
            form.offer(
                "release",
                releases or ("",),
                next(iter(releases), ""),
                help=kinds[0] if len(kinds) == 1 else "SAEs that were published together.",
            )
            self._offer_saes(form, next(iter(releases), ""))

    def _offer_saes(self, form: Form, release: str) -> None:
        """Let the form turn through the SAEs of a release; the middle is where most work begins."""
        saes = self._saes.get(release, [])
        ids = tuple(sae.id for sae in saes)
        middle = ids[len(ids) // 2] if ids else ""
        form.offer("id", ids or ("",), middle, help=_summary(saes) if saes else "")

    async def _fetch(self, values: dict[str, str]) -> None:
        if not values["release"]:
            raise UserError(f"No published SAE is known for {values['model'] or 'no model'}.")
        spec = ImportSAE(
            name=values["name"],
            source=f"{values['release']}/{values['id']}",
            device=self._shell.device,
        )
        await submit(self._shell, "published", values, spec)
        self._shell.main.go_to("jobs")


def _summary(saes: Sequence[PublishedSAE]) -> str:
    """What the SAEs of a release are, in a few words."""
    kinds = dict.fromkeys(
        " → ".join(filter(None, (sae.site.partition(".")[0], sae.target_site.partition(".")[0])))
        for sae in saes
    )
    said = [f"{len(saes)}", "/".join(filter(None, kinds))]
    if layers := span(sae.layer for sae in saes):
        said.append(f"layers {layers}")
    if l0 := span(sae.l0 for sae in saes):
        said.append(f"L0 {l0}")
    return " · ".join(filter(None, said))
