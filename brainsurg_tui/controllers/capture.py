"""Capturing activations: of the workspace's prompts, or of text."""

from textual.widget import AwaitMount

from brainsurg_tui.controllers.shell import Shell
from brainsurg_tui.controllers.submit import (
    existing_path,
    free_name,
    parse_optional_whole_number,
    parse_whole_number,
    submit,
)
from brainsurg_tui.screens.form import Field, Form
from engine.errors import UserError
from engine.service.protocol import (
    MODEL_DTYPES,
    QUANTISATIONS,
    Capture,
    GetSites,
    ImportSAE,
    Prompt,
    SAEInfo,
    absolute_source,
)

_PROMPTS = "prompts"
_PLAIN = "no"
"""In the place of a chat template: prompts are plain text."""


class CaptureController:
    """Submits captures of activations: the first step of the chain."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def capture(self) -> None:
        """Ask what to capture, with the answers of the last time in the form."""
        known = self._shell.state.contents.activations
        last = self._shell.workspace_memory.forms.get("capture", {})
        model = last.get("model") or (known[-1].model if known else "demo")
        site = last.get("site") or (known[-1].site if known else "")
        if (wanting := self._wanting()) is not None:
            model, site = wanting.model, wanting.site
        name = free_name("acts", (info.name for info in known))
        fields = [
            Field("source", "read", _PROMPTS, help=f"{self._which_prompts()}, or a path to text."),
            Field("model", "model", model, help="A folder, a GGUF file, a hub id, or demo."),
            Field("site", "site", site, help="Where to look; several with spaces between."),
            Field(
                "generate",
                "continue by",
                "24",
                help="Tokens it writes after a prompt first.",
                shown=lambda values: values["source"] == _PROMPTS,
            ),
            Field("max_tokens", "at most", empty="all tokens", help="Tokens to keep."),
            Field(
                "chat",
                "chat template",
                last.get("chat", ""),
                help="Of an instruct model: what prompts are put into, to be answered.",
                choices=("", last.get("chat", "")),
                free=False,
                # of a model without any there is nothing to choose
                shown=lambda values: values["source"] == _PROMPTS and values["chat"] != "",
            ),
            Field(
                "system",
                "system",
                last.get("system", ""),
                help="What the system says first in the chat.",
                empty="what the template says by itself",
                shown=lambda values: values["source"] == _PROMPTS and _is_chat(values["chat"]),
            ),
            Field(
                "model_dtype",
                "computes in",
                last.get("model_dtype", MODEL_DTYPES[0]),
                help="auto: bfloat16 where that is measured to be faster, else float32.",
                choices=MODEL_DTYPES,
                free=False,
            ),
            Field(
                "quantize",
                "its weights in",
                last.get("quantize", QUANTISATIONS[0]),
                help="8 bits halve the model's memory; auto and none: as its files have them.",
                choices=QUANTISATIONS,
                free=False,
            ),
            Field("name", "name", name, help="Name of the new activation set."),
        ]
        form = Form(
            "Capture activations", fields, self._capture, verb="capture", left=self._on_field_left
        )
        opened = self._shell.push_screen(form)
        self._shell.begin("sites", self._offer_sites, form, model, opened)

    def _wanting(self) -> SAEInfo | None:
        """The SAE that was imported last, or the one in use, if there is nothing yet to scan it
        over."""
        state = self._shell.state
        last = next(reversed(state.jobs.by_id.values()), None)
        imported = last.spec.name if last and isinstance(last.spec, ImportSAE) else None
        for sae in reversed(state.contents.saes):
            waits = not sae.scanned and sae.model and sae.site and not state.sets_for(sae)
            if waits and sae.name in (imported, state.sae):
                return sae
        return None

    def _on_field_left(self, form: Form, field: str, value: str) -> None:
        if field == "model":
            self._shell.begin("sites", self._offer_sites, form, value)

    async def _offer_sites(self, form: Form, model: str, opened: AwaitMount | None = None) -> None:
        """Let the form turn through the model's sites; the middle is where most work begins."""
        if opened is not None:
            await opened
        wait = f"Loading {model}, to see where it can be observed …"
        form.show_wait(wait)
        try:
            found = await self._shell.ask(GetSites(model=absolute_source(model)))
        except UserError as mistake:
            form.show_error(str(mistake))
            return
        finally:
            form.hide_wait(wait)
        names = tuple(info.site for info in found.sites)
        outputs = [name for name in names if name.startswith("resid_post.")]
        if form.is_attached and outputs:
            form.offer("site", names, outputs[len(outputs) // 2])
            templates = tuple(found.chat_templates)
            form.offer(
                "chat", (*templates, _PLAIN) if templates else ("",), next(iter(templates), "")
            )

    async def _capture(self, values: dict[str, str]) -> None:
        prompts, texts = [], []
        if values["source"] == _PROMPTS:
            prompts = self._prompts()
        else:
            texts = [str(existing_path(values["source"]))]
        sites = values["site"].replace(",", " ").split()
        if not sites:
            raise UserError("A site is missing.", "resid_post.0 is what the first layer writes.")
        spec = Capture(
            name=values["name"],
            model=absolute_source(values["model"]),
            sites=sites,
            model_dtype=values["model_dtype"],
            quantize=values["quantize"],
            prompts=prompts,
            chat=_is_chat(values["chat"]),
            chat_template=values["chat"] if _is_chat(values["chat"]) else "",
            system=values["system"],
            texts=texts,
            generate=parse_whole_number(values["generate"] or "0", "continue by") if prompts else 0,
            max_tokens=parse_optional_whole_number(values["max_tokens"], "at most"),
            device=self._shell.device,
        )
        await submit(self._shell, "capture", values, spec)

    def _which_prompts(self) -> str:
        marked = self._shell.state.marked_prompts
        return f"The {marked} marked in pane 1" if marked else "Those of pane 1"

    def _prompts(self) -> list[Prompt]:
        """The marked prompts, or all. UserError if there is none."""
        known = self._shell.main.prompts.marked_prompts() or self._shell.state.contents.prompts
        if not known:
            raise UserError("There are no prompts.", "Add one in pane 1 with a.")
        return [Prompt(prompt=prompt.prompt, category=prompt.category) for prompt in known]


def _is_chat(template: str) -> bool:
    """Whether what stands in the field is the name of a chat template."""
    return template not in ("", _PLAIN)
