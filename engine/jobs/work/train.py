"""The entry of a training job: on one device in this process, or on several in others."""

from engine.jobs.kinds import Train, TrainResult
from engine.jobs.work.distributed.launch import train_on_devices
from engine.jobs.work.train_sae import train_sae
from engine.progress import Progress
from engine.workspace.folders import Workspace


def train(spec: Train, workspace: Workspace, progress: Progress) -> TrainResult:
    """Train on as many devices as the spec names. Raises UserError, as `train_sae` does."""
    if spec.devices == 1:
        return train_sae(spec, workspace, progress)
    return train_on_devices(spec, workspace, progress)
