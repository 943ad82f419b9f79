"""From a spec to the function that does it. Runs in a worker: torch is allowed from here on."""

from engine.jobs.checks import check
from engine.jobs.specs import (
    Capture,
    Evaluate,
    ExportActivations,
    ExportFeatures,
    ExportSAE,
    ImportActivations,
    ImportSAE,
    JobResult,
    JobSpec,
    Scan,
    Sweep,
    Train,
)
from engine.jobs.work.capture import capture
from engine.jobs.work.distributed.launch import train_on_several
from engine.jobs.work.evaluate import evaluate_sae
from engine.jobs.work.exchange_activations import export_activations, import_activations
from engine.jobs.work.exchange_saes import export_sae, import_sae
from engine.jobs.work.export_features import export_features
from engine.jobs.work.scan import scan_sae
from engine.jobs.work.sweep import sweep
from engine.jobs.work.train import train_sae
from engine.progress import Progress
from engine.workspace.folders import Workspace


def run(spec: JobSpec, workspace: Workspace, progress: Progress) -> JobResult:
    """Do the job. Raises UserError, or Cancelled out of a call of `progress`."""
    check(spec, workspace)  # again: others ran since it was queued, and hours must not be lost
    match spec:
        case Capture():
            return capture(spec, workspace, progress)
        case ImportActivations():
            return import_activations(spec, workspace, progress)
        case ExportActivations():
            return export_activations(spec, workspace, progress)
        case ImportSAE():
            return import_sae(spec, workspace, progress)
        case ExportSAE():
            return export_sae(spec, workspace, progress)
        case Train():
            train = train_sae if spec.devices == 1 else train_on_several
            return train(spec, workspace, progress)
        case Sweep():
            return sweep(spec, workspace, progress)
        case Scan():
            return scan_sae(spec, workspace, progress)
        case Evaluate():
            return evaluate_sae(spec, workspace, progress)
        case ExportFeatures():
            return export_features(spec, workspace, progress)
