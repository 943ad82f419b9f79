"""`demo`: the whole experiment on the embedded model, from prompts to a clamped feature."""

from typing import TYPE_CHECKING, Literal

import msgspec
from rich.console import RenderableType
from rich.text import Text

from brainsurg_tui.commands.common import Common
from brainsurg_tui.commands.progress import ask_with_progress, ensure_scanned, run_job
from brainsurg_tui.commands.tables.activations import summary_tables
from brainsurg_tui.commands.tables.clamp import clamp_report
from brainsurg_tui.commands.tables.features import feature_list
from brainsurg_tui.commands.tables.parts import show
from brainsurg_tui.commands.tables.saes import sae_table
from engine.service import protocol as p

if TYPE_CHECKING:
    from engine.service.client import Client

SEED_EXPANSION = 24_576 / 1_152
"""The seed's features for each hidden dimension; its width is scaled down with the model."""


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """What to capture and how to train on it."""

    capture: p.Capture
    trains: list[p.Train]
    """The last one's features are looked at."""
    by: str
    """How features are ranked."""
    value: float
    unit: Literal["absolute", "max"]
    """What the first feature is clamped to."""
    warning: str = ""


class DemoResult(msgspec.Struct, frozen=True, kw_only=True):
    """The results of the demo, step by step."""

    capture: p.ActivationsSummary
    saes: list[p.SAEInfo]
    features: list[p.FeatureDetail]
    clamp: list[p.ClampReport]


def demo(
    *, preset: Literal["seed", "recommended"] = "recommended", common: Common = Common()
) -> None:
    """Run the whole experiment on the embedded model: capture, train, features, clamp.

    What is in the workspace already is used again.

    Parameters
    ----------
    preset
        `seed`: the study's seven prompts and its two architectures, which memorises;
        `recommended`: a corpus of thousands of documents and a Matryoshka SAE.
    """
    result = common.run(lambda client: _run_experiment(client, preset, common))
    common.print_result(result, lambda: None)


async def _run_experiment(client: "Client", preset: str, common: Common) -> DemoResult:
    site, width = await _middle_site(client)
    contents = await client.ask(p.GetContents())
    plan = (
        _seed_experiment(site, width, contents, common)
        if preset == "seed"
        else _recommended_experiment(site, common)
    )
    steps = _StepPrinter(common)
    steps.warn(plan.warning)

    existing = {a.name for a in contents.activations}
    if plan.capture.name not in existing:
        await run_job(client, plan.capture)
    summary = await client.ask(p.GetSummary(name=plan.capture.name))
    steps.heading(f"Activations {plan.capture.name}: {plan.capture.model}, {site}")
    steps.show(*summary_tables(summary))

    existing = {s.name for s in contents.saes}
    for train in plan.trains:
        if train.name not in existing:
            await run_job(client, train)
    names = [train.name for train in plan.trains]
    saes = [s for s in (await client.ask(p.GetContents())).saes if s.name in names]
    steps.heading("Sparse autoencoders, measured in the units of the activations")
    steps.show(sae_table(saes))

    sae = names[-1]
    await ensure_scanned(client, sae, common)
    found = await client.ask(p.RankFeatures(sae=sae, top=5, by=plan.by))
    steps.heading(f"The top five features of {sae}")
    steps.show(*feature_list(found, plan.by))

    reports = []
    if found.features:
        edit = p.FeatureEdit(
            feature=found.features[0].id, operation="clamp", value=plan.value, unit=plan.unit
        )
        prompts = [saved.prompt for saved in contents.prompts]
        for view in ("reconstruction", "model"):
            request = p.ClampRequest(
                sae=sae, edits=[edit], prompts=[*prompts], view=view, seed=common.seed
            )
            report = await ask_with_progress(client, p.Clamp(request=request, device=common.device))
            reports.append(report)
            steps.heading(f"Feature {edit.feature} clamped, {view} view")
            steps.show(*clamp_report(report))
    return DemoResult(capture=summary, saes=saes, features=found.features, clamp=reports)


async def _middle_site(client: "Client") -> tuple[str, int]:
    """The site after the middle layer of the embedded model, and its width."""
    sites = (await ask_with_progress(client, p.GetSites(model="demo"))).sites
    after = [site for site in sites if site.site.startswith("resid_post.")]
    middle = after[len(after) // 2]
    return middle.site, middle.width


def _seed_experiment(site: str, width: int, contents: p.Contents, common: Common) -> Experiment:
    features = round(SEED_EXPANSION * width)
    prompts = [p.Prompt(prompt=s.prompt, category=s.category) for s in contents.prompts]
    return Experiment(
        capture=p.Capture(
            name="seed-prompts",
            model="demo",
            sites=[site],
            prompts=prompts,
            generate=40,
            device=common.device,
            seed=common.seed,
        ),
        trains=[
            p.Train(
                name=arch,
                activations="seed-prompts",
                arch=arch,
                width=features,
                device=common.device,
                seed=common.seed,
            )
            for arch in ("seed-basic", "seed-optimised")
        ],
        by="activity",
        value=5.0,
        unit="absolute",
        warning=(
            f"A few hundred vectors for {features:,} features is memorisation:"
            " this preset repeats the study, and is no way to find features."
        ),
    )


def _recommended_experiment(site: str, common: Common) -> Experiment:
    return Experiment(
        capture=p.Capture(
            name="demo-corpus",
            model="demo",
            sites=[site],
            demo_documents=3000,
            device=common.device,
            seed=common.seed,
        ),
        trains=[
            p.Train(
                name="demo",
                activations="demo-corpus",
                arch="matryoshka",  # its first groups keep a concept in one feature
                width=1024,
                k=16,
                tokens=1_000_000,
                device=common.device,
                seed=common.seed,
            )
        ],
        by="activity",
        value=1.0,
        unit="max",
    )


class _StepPrinter:
    """Shows each step as it is done, unless one JSON document was asked for."""

    def __init__(self, common: Common) -> None:
        self._quiet = common.json

    def heading(self, text: str) -> None:
        self.show("", Text(text, style="bold cyan"))

    def warn(self, text: str) -> None:
        if text:
            self.show(Text(text, style="yellow"))

    def show(self, *what: RenderableType) -> None:
        if not self._quiet:
            show(*what)
