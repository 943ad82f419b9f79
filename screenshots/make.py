"""Makes the pictures of the README: the real app, on a real engine, in a workspace of its own.

    python screenshots/make.py [FOLDER] [--workspace W --sae S --pattern P --words W]

It presses the keys that a user would press, and writes a PNG for each picture. Without a workspace
it makes one first, of the embedded model. Those of the README are of SmolLM2-135M-Instruct, in the
workspace of `python -m benchmarks.real_model`. Needs the extra `dev`.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import resvg_py
from textual.events import Paste
from textual.pilot import Pilot

from brainsurg_tui.app import BrainSurgery
from brainsurg_tui.engine_link import Engine
from engine.service import protocol as p
from engine.service.client import Client, connect

SMALL, LARGE = (80, 24), (120, 40)
CORPUS = p.Capture(name="corpus", model="demo", sites=["resid_post.3"], demo_documents=1500)
FIRST = p.Train(
    name="first", activations="corpus", arch="matryoshka", width=512, k=16, tokens=400_000
)
LIVE = "live"
"""The SAE whose training is a picture."""


@dataclass(frozen=True)
class Subject:
    """What the pictures are of."""

    sae: str
    pattern: str
    """What to look for in the scanned text."""
    words: str
    """What clamping the feature that knows the pattern should raise."""
    chat: bool = False
    """Whether prompts go into the model's chat template."""


EMBEDDED = Subject(sae="first", pattern="Once upon", words="once")


async def make(folder: Path, root: Path, subject: Subject | None) -> None:
    """Write every picture into `folder`, from a workspace at `root`, which is made without a
    `subject`."""
    folder.mkdir(parents=True, exist_ok=True)
    async with await connect(root) as client:
        try:
            for spec in () if subject else (CORPUS, FIRST, p.Scan(sae=FIRST.name)):
                await _run(client, spec)
            for size in (SMALL, LARGE):
                await _take(folder, root, client, size, subject or EMBEDDED)
        finally:
            await client.ask(p.Stop())


async def _take(
    folder: Path, root: Path, client: Client, size: tuple[int, int], subject: Subject
) -> None:
    """Go through the app in a terminal of `size`, and write a picture at each station."""
    acts = next(
        sae.activations
        for sae in (await client.ask(p.GetContents())).saes
        if sae.name == subject.sae
    )
    training = p.Train(
        name=LIVE,
        activations=acts,
        width=4096,
        k=32,
        tokens=100_000_000,
        replace=True,  # it is begun once for each size
    )

    async def engine() -> Engine:
        return await connect(root)

    app = BrainSurgery(engine)

    async def save(name: str) -> None:
        await pilot.pause(1)
        svg = app.export_screenshot(title="brainsurg")
        png = resvg_py.svg_to_bytes(svg_string=svg, monospace_family="DejaVu Sans Mono")
        path = folder / f"{name}-{size[0]}x{size[1]}.png"
        path.write_bytes(bytes(png))
        print(path.name, flush=True)

    async with app.run_test(size=size) as pilot:
        await _until(pilot, lambda: app.state.table is not None)
        await save("prompts")
        await pilot.press("2", "j", "j")
        await save("features")
        await pilot.press("3")
        await save("snippets")
        await pilot.press("2", "enter")
        await save("detail")
        await pilot.press("escape", "f")
        await _type(pilot, subject.pattern)
        await pilot.press("ctrl+s")
        await _until(
            pilot, lambda: bool(app.state.search.results and app.state.search.results.answer)
        )
        await save("findings")
        await pilot.press("c")
        await _until(pilot, lambda: app.state.clamp.report is not None)
        await pilot.press("f", *["tab"] * 5)
        await _type(pilot, f"logp:{subject.words}")
        if subject.chat:
            await pilot.press(*["tab"] * 3, "down")
        await pilot.press("ctrl+s")
        await _until(pilot, lambda: _measures(app) > 1)
        await save("clamp")
        await pilot.press("s")
        await _until(pilot, lambda: _has_curve(app), seconds=900)
        await save("strengths")
        await pilot.press("s")
        job = await client.ask(p.Submit(spec=training))
        await pilot.press("5")
        await _until(pilot, lambda: _steps(app, job.id) > 300)
        await save("training")
        await client.ask(p.CancelJob(id=job.id))
        await pilot.press("2", "question_mark")
        await save("help")


async def _type(pilot: Pilot[None], text: str) -> None:
    """Paste a text into the field that has the focus."""
    await pilot.pause(0.5)
    pilot.app.post_message(Paste(text))
    await pilot.pause(0.5)


def _measures(app: BrainSurgery) -> int:
    report = app.state.clamp.report
    return len(report.pooled) if isinstance(report, p.ModelReport) else 0


def _has_curve(app: BrainSurgery) -> bool:
    report = app.state.clamp.report
    return isinstance(report, p.ModelReport) and report.curve is not None


async def _run(client: Client, spec: p.JobSpec) -> None:
    job = await client.ask(p.Submit(spec=spec))
    while not (job := await client.ask(p.GetJob(id=job.id))).over:
        await asyncio.sleep(0.2)
    if job.error:
        raise RuntimeError(job.error)
    print(f"{spec.title}: done", flush=True)


def _steps(app: BrainSurgery, job: int) -> int:
    """How many steps of a training job the app knows of."""
    known = app.state.jobs.by_id.get(job)
    training = known is not None and known.progress is not None and known.progress.phase == "train"
    return known.progress.done if training else 0


async def _until(pilot: Pilot[None], condition: Callable[[], bool], seconds: float = 300) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await pilot.pause(0.2)


def main() -> None:
    """Make all pictures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", default=Path(__file__).parent)
    parser.add_argument("--workspace", type=Path, help="one with an SAE that is scanned")
    parser.add_argument("--sae", default="batchtopk-4096")
    parser.add_argument("--pattern", default=r"\b[Mm]om\b|\b[Dd]ad\b")
    parser.add_argument("--words", default="mom,Mom,dad,Dad,mother,father")
    options = parser.parse_args()
    if options.workspace:
        subject = Subject(options.sae, options.pattern, options.words, chat=True)
        asyncio.run(make(options.folder, options.workspace, subject))
    else:
        with tempfile.TemporaryDirectory() as workspace:
            asyncio.run(make(options.folder, Path(workspace), None))


if __name__ == "__main__":
    main()
