"""`demo`: the whole experiment on any model, from prompts to a clamped feature."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import Parameter
from cyclopts.types import PositiveInt
from rich.console import RenderableType
from rich.text import Text

from brainsurg_tui.commands.common import Common
from brainsurg_tui.commands.options import DeviceMap, Model, ModelDtype, Quantize
from brainsurg_tui.commands.progress import ask_with_progress, ensure_scanned, run_or_resume
from brainsurg_tui.commands.study_plan import (
    Loading,
    Plan,
    Preset,
    Subject,
    Wishes,
    check_files_are_of_set,
    check_is_planned,
    name_of,
    plan,
)
from brainsurg_tui.commands.tables.activations import summary_tables
from brainsurg_tui.commands.tables.clamp import clamp_report
from brainsurg_tui.commands.tables.features import feature_list
from brainsurg_tui.commands.tables.parts import pair_table, show, table, visible_text
from brainsurg_tui.commands.tables.saes import sae_table
from engine.errors import UserError
from engine.service import protocol as p

if TYPE_CHECKING:
    from engine.service.client import Client

SIGNIFICANT = 0.05
BY = "activity"
"""How features are ranked: the seed's own way."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One of the seven prompts, and what the model made of it."""

    prompt: str
    generated: str
    tokens: int
    file: str
    """Its activations, in the folder of the files."""


class DemoResult(msgspec.Struct, frozen=True, kw_only=True):
    """The results of the study, step by step."""

    model: str
    site: str
    model_dtype: str
    """What the model computes in, and from which weights; empty where the set doesn't say."""
    chat_template: str
    """The chat template that the prompts were put into; empty: into none."""
    answers: list[Answer]
    files: str
    """The folder of the prompts' activation files, in the seed's format."""
    prompts: p.ActivationsSummary
    capture: p.ActivationsSummary
    """Of what was trained on."""
    corpus: str
    """What that is, in a sentence."""
    saes: list[p.SAEInfo]
    features: list[p.FeatureDetail]
    clamp: list[p.ClampReport]


def demo(
    *,
    model: Model = "demo",
    text: Annotated[list[Path] | None, Parameter(consume_multiple=True)] = None,
    site: str | None = None,
    preset: Preset = "recommended",
    name: str | None = None,
    max_tokens: PositiveInt | None = None,
    model_dtype: ModelDtype = "auto",
    quantize: Quantize = "auto",
    device_map: DeviceMap = "",
    common: Common = Common(),
) -> None:
    """Run the whole experiment on a model: prompts, activations, SAE, features, clamp.

    What is in the workspace already is used again, and what was interrupted goes on.

    Parameters
    ----------
    text
        Files or folders of documents to train on; if none is named, documents that are written by
        the grammars of the embedded model's corpus.
    site
        Where to look, such as resid_post.13; if none is named, after the middle layer.
    preset
        `seed`: the study's seven prompts and its two architectures, which memorises;
        `recommended`: a corpus of thousands of documents and a Matryoshka SAE.
    name
        What sets and SAEs are called; if nothing is said, as the model.
    max_tokens
        Tokens of the corpus to capture; if nothing is said, 200,000, or all of the embedded model's
        own corpus.
    """
    source = p.absolute_source(model)
    if text and preset == "seed":
        raise UserError("The seed's preset trains on its seven prompts.", "Leave out --text.")

    wishes = Wishes(
        preset=preset, name=name or name_of(source), texts=text or [], max_tokens=max_tokens
    )

    async def talk(client: "Client") -> DemoResult:
        study = _Study(client, common)
        loading = Loading(
            model_dtype=model_dtype, quantize=quantize, device_map=p.absolute_source(device_map)
        )
        subject = await study.subject(source, site, loading)
        contents = await client.ask(p.GetContents())
        planned = plan(wishes, subject, contents.prompts, common)
        return await study.run(planned, subject, contents)

    result = common.run(talk)
    common.print_result(result, lambda: show(*_in_short(result)))


class _Study:
    """Does one step after the other, and shows what comes of each."""

    def __init__(self, client: "Client", common: Common) -> None:
        self._client = client
        self._common = common

    async def subject(self, model: str, site: str | None, loading: Loading) -> Subject:
        """The model, and where to look: after its middle layer, if nobody says."""
        question = p.GetSites(model=model, device_map=loading.device_map)
        found = await ask_with_progress(self._client, question)
        after = [info for info in found.sites if info.site.startswith("resid_post.")]
        wanted = after[len(after) // 2].site if site is None else site
        chosen = next((info for info in found.sites if info.site == wanted), None)
        if chosen is None:
            raise UserError(
                f"{model} has no site {site}.", f"List them with: brainsurg sites {model}"
            )
        return Subject(
            model=model,
            site=chosen.site,
            width=chosen.width,
            chat_template="default" if "default" in found.chat_templates else "",
            loading=loading,
        )

    async def run(self, planned: Plan, subject: Subject, contents: p.Contents) -> DemoResult:
        """The whole study."""
        self._warn(planned.warning)
        check_files_are_of_set(planned, [info.name for info in contents.activations])
        for capture in filter(None, [planned.prompts, planned.corpus]):
            await self._capture(capture, contents)
        if not Path(planned.files).exists():
            export = p.ExportActivations(name=planned.prompts.name, folder=planned.files)
            await run_or_resume(self._client, export)
        answers = _answers(Path(planned.files))
        prompts = await self._client.ask(p.GetSummary(name=planned.prompts.name))
        self._heading(f"Activations {prompts.name}: {subject.model}, {subject.site}")
        self._show(*summary_tables(prompts), _answer_table(answers))
        self._show(Text(f"files: {planned.files}", style="dim"))
        trained_on, about = prompts, await self._info(planned.trained_on)
        if planned.corpus is not None:
            trained_on = await self._client.ask(p.GetSummary(name=planned.corpus.name))
            self._heading(f"Activations {trained_on.name}: {about.origin}")
            self._show(*summary_tables(trained_on))

        existing = {info.name for info in contents.saes}
        for train in planned.trains:
            if train.name not in existing:
                await run_or_resume(self._client, train)
        names = [train.name for train in planned.trains]
        saes = [s for s in (await self._client.ask(p.GetContents())).saes if s.name in names]
        self._heading("Sparse autoencoders, measured in the units of the activations")
        self._show(sae_table(saes))

        sae = names[-1]
        await ensure_scanned(self._client, sae, self._common)
        found = await self._client.ask(p.RankFeatures(sae=sae, top=5, by=BY))
        self._heading(f"The top five features of {sae}")
        self._show(*feature_list(found, BY))
        reports = []
        if found.features:
            reports = await self._clamp(planned, sae, found.features[0].id, subject, contents)
        return DemoResult(
            model=subject.model,
            site=subject.site,
            model_dtype=p.weights_words(about.model_dtype, about.quantisation),
            chat_template=subject.chat_template,
            answers=answers,
            files=planned.files,
            prompts=prompts,
            capture=trained_on,
            corpus=about.origin,
            saes=saes,
            features=found.features,
            clamp=reports,
        )

    async def _capture(self, capture: p.Capture, contents: p.Contents) -> None:
        known = next((info for info in contents.activations if info.name == capture.name), None)
        if known is None:
            await run_or_resume(self._client, capture)
        else:
            check_is_planned(known, capture)

    async def _info(self, capture: p.Capture) -> p.ActivationsInfo:
        contents = await self._client.ask(p.GetContents())
        return next(info for info in contents.activations if info.name == capture.name)

    async def _clamp(
        self, planned: Plan, sae: str, feature: int, subject: Subject, contents: p.Contents
    ) -> list[p.ClampReport]:
        """The first feature, held on every prompt: in the seed's view, and inside the model."""
        edit = p.FeatureEdit(
            feature=feature, operation="clamp", value=planned.value, unit=planned.unit
        )
        reports: list[p.ClampReport] = []
        for view in p.VIEWS:
            request = p.ClampRequest(
                sae=sae,
                edits=[edit],
                prompts=[saved.prompt for saved in contents.prompts],
                view=view,
                chat=p.chat_choice(chat=False, template=subject.chat_template, system=""),
                **subject.loading.settings,
                seed=self._common.seed,
            )
            question = p.Clamp(request=request, device=self._common.device)
            report = await ask_with_progress(self._client, question)
            reports.append(report)
            self._heading(f"Feature {feature} clamped, {view} view")
            self._show(*clamp_report(report))
        return reports

    def _heading(self, text: str) -> None:
        self._show("", visible_text(text, "bold cyan"))

    def _warn(self, text: str) -> None:
        if text:
            self._show(Text(text, style="yellow"))

    def _show(self, *what: RenderableType) -> None:
        """Show a step as it is done, unless one JSON document was asked for."""
        if not self._common.json:
            show(*what)


def _answers(folder: Path) -> list[Answer]:
    """What the files of the seed's format say of each prompt."""
    entries = json.loads((folder / "metadata.json").read_text())
    return [
        Answer(
            prompt=entry["prompt"],
            generated=entry["generated_text"].removeprefix(entry["prompt"]),
            tokens=len(entry["tokens"]),
            file=entry["file"],
        )
        for entry in entries
    ]


def _answer_table(answers: list[Answer]) -> RenderableType:
    grid = table("prompt", "what the model writes")
    for answer in answers:
        grid.add_row(visible_text(answer.prompt), visible_text(answer.generated))
    return grid


def _in_short(result: DemoResult) -> list[RenderableType]:
    """The study in a few lines, below the steps."""
    sae = result.saes[-1]
    rows = {
        "model": f"{result.model} at {result.site}"
        + (f", in {result.model_dtype}" if result.model_dtype else ""),
        "prompts": f"{len(result.answers)}"
        + (f", in the chat template {result.chat_template!r}" if result.chat_template else ""),
        "trained on": f"{result.capture.vectors:,} vectors of {result.corpus}",
        "sae": f"{sae.name}: {sae.arch}, {sae.d_sae:,} features",
    }
    for report in result.clamp:
        if isinstance(report, p.ModelReport):
            nulls = [prompt.null for prompt in report.prompts if prompt.null is not None]
            beyond = sum(null.p <= SIGNIFICANT for null in nulls)
            rows[f"feature {report.feature}"] = (
                "clamped, it moves the next tokens further than matched random features"
                f" (p ≤ {SIGNIFICANT}) on {beyond} of {len(report.prompts)} prompts"
            )
    return ["", Text("The study in short", style="bold cyan"), pair_table(rows)]
