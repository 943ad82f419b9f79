"""Makes the pictures of the README: the real app, on a real engine, in a workspace of its own.

    python screenshots/make.py [FOLDER]

It captures, trains and scans as a user would, presses the keys that a user would press, and writes
a PNG for each picture. Needs the extra `dev`.
"""

import asyncio
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import resvg_py
from textual.pilot import Pilot

from brainsurg_tui.app import BrainSurgery
from brainsurg_tui.engine_link import Engine
from engine.service import protocol as p
from engine.service.client import Client, connect

SMALL, LARGE = (80, 24), (120, 40)
CORPUS = p.Capture(name="corpus", model="demo", sites=["resid_post.3"], demo_documents=1500)
TRAINS = (
    p.Train(name="first", activations="corpus", arch="matryoshka", width=512, k=16, tokens=400_000),
    p.Train(
        name="second",
        activations="corpus",
        width=1024,
        k=16,
        tokens=100_000_000,
        replace=True,  # it is begun once for each size
    ),
)


async def make(folder: Path, root: Path) -> None:
    """Write every picture into `folder`, from a workspace at `root`."""
    folder.mkdir(parents=True, exist_ok=True)
    async with await connect(root) as client:
        try:
            for spec in (CORPUS, TRAINS[0], p.Scan(sae="first")):
                await _run(client, spec)
            for size in (SMALL, LARGE):
                await _take(folder, root, client, size)
        finally:
            await client.ask(p.Stop())


async def _take(folder: Path, root: Path, client: Client, size: tuple[int, int]) -> None:
    """Go through the app in a terminal of `size`, and write a picture at each station."""

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
        await pilot.press("escape", "1", "f")
        await _until(
            pilot, lambda: bool(app.state.search.results and app.state.search.results.answer)
        )
        await save("findings")
        await pilot.press("2")
        await pilot.press("c", "4")
        await _until(pilot, lambda: app.state.clamp.report is not None)
        await save("clamp")
        job = await client.ask(p.Submit(spec=TRAINS[1]))
        await pilot.press("5")
        await _until(pilot, lambda: _steps(app, job.id) > 300)
        await save("training")
        await client.ask(p.CancelJob(id=job.id))
        await pilot.press("2", "question_mark")
        await save("help")


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


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    with tempfile.TemporaryDirectory() as workspace:
        asyncio.run(make(target, Path(workspace)))
