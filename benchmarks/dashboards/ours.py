"""This project: capture, scan and export, each through the job that the command runs."""

from pathlib import Path

import torch

from benchmarks.dashboards.memory import peak_bytes
from benchmarks.dashboards.messages import Request, Result
from benchmarks.dashboards.sizes import BATCH, CONTEXT, SITE, SIZES
from engine.features.catalogue.catalogue import Catalogue
from engine.jobs.kinds import Capture, ExportFeatures, ImportSAE, JobSpec, Scan
from engine.jobs.run import run as do
from engine.progress import SILENT
from engine.workspace.folders import Workspace

MODEL_RUN, SCAN, EXPORT = "run the model", "scan", "export"


def run(request: Request) -> Result:
    """All features, however many batches are asked for."""
    here, size = Path.cwd(), SIZES[request.size]
    workspace = Workspace.open(here / "workspace")
    model = str(here / "model")
    do(ImportSAE(name="sae", source=str(here / "sae"), model=model), workspace, SILENT)
    jobs: dict[str, JobSpec] = {
        MODEL_RUN: Capture(
            name="acts", model=model, sites=[SITE], texts=[str(here / "texts")], context=CONTEXT
        ),
        SCAN: Scan(sae="sae", activations="acts"),
        EXPORT: ExportFeatures(sae="sae", folder=str(here / "dashboards"), batch=BATCH),
    }
    parts = {part: _seconds(spec, workspace) for part, spec in jobs.items()}
    catalogue = Catalogue.open(workspace.catalogue("sae"))
    if catalogue.manifest.tokens != size.tokens - size.prompts:
        raise RuntimeError(f"{catalogue.manifest.tokens} tokens were scanned")
    counted = catalogue.manifest.tokens / size.tokens
    some = slice(request.batches * BATCH)
    return Result(
        parts=parts,
        whole={
            "from stored activations": parts[SCAN],
            "with the model": parts[MODEL_RUN] + parts[SCAN],
            "with the model, to JSON": sum(parts.values()),
        },
        features=size.width,
        peak_bytes=peak_bytes(),
        maxima=catalogue.columns["max"][some].tolist(),
        densities=(catalogue.columns["density"][some] * counted).tolist(),
        versions={"torch": torch.__version__},
    )


def _seconds(spec: JobSpec, workspace: Workspace) -> float:
    """As the job itself tells: loading the model and the weights isn't counted."""
    result = do(spec, workspace, SILENT)
    return float(getattr(result, "seconds"))  # noqa: B009 - all three kinds have it
