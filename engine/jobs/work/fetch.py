"""A fetch job: files from the hub into its cache on this machine."""

import time

from engine.jobs.kinds import Fetch, FetchResult
from engine.model.fetch import fetch_model
from engine.progress import Progress
from engine.sae.formats.sources import locate
from engine.workspace.folders import Workspace


def fetch(spec: Fetch, workspace: Workspace, progress: Progress) -> FetchResult:
    """Download a model, and an SAE. Raises UserError for what can't be had, see `fetch_model` and
    `locate`."""
    began = time.monotonic()
    model = fetch_model(spec.model, spec.revision, progress)
    sae = None if spec.sae is None else locate(spec.sae, None, progress, layer=spec.layer)
    return FetchResult(
        model=spec.model,
        revision=model.commit,
        folder=str(model.folder),
        files=model.files,
        bytes=model.bytes,
        downloaded_bytes=model.downloaded,
        sae="" if sae is None else sae.origin,
        sae_path="" if sae is None else str(sae.path),
        seconds=time.monotonic() - began,
    )
