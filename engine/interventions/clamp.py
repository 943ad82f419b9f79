"""Changing features and measuring what follows: the one function that others call."""

from pathlib import Path

import msgspec

from engine.activations.corpus import read_prompts
from engine.features.catalogue.catalogue import Catalogue
from engine.interventions.causal import model_view
from engine.interventions.prompt_run import ModelWithSAE, max_norm_of
from engine.interventions.reconstruction import reconstruction_view
from engine.interventions.spec import ClampReport, ClampRequest
from engine.interventions.validation import check_request
from engine.model.load import LanguageModel
from engine.model.site import Site
from engine.progress import SILENT, Progress
from engine.sae.architectures.base import SparseAutoencoder


def clamp(
    lm: LanguageModel,
    sae: SparseAutoencoder,
    site: Site,
    catalogue: Catalogue,
    request: ClampRequest,
    *,
    progress: Progress | None = None,
) -> ClampReport:
    """Change features of the SAE at `site`, which `catalogue` describes, and report what follows.

    Raises UserError for a request that can't be carried out: before anything is run, but for what
    only running shows.
    """
    if request.prompt_file and not request.prompts:
        prompts = [entry.prompt for entry in read_prompts(Path(request.prompt_file))]
        request = msgspec.structs.replace(request, prompts=prompts)
    check_request(request, len(catalogue))
    subject = ModelWithSAE(lm, sae, site, max_norm_of(catalogue.manifest.row_summary))
    subject.check()
    subject.check_described_by(catalogue)
    view = model_view if request.view == "model" else reconstruction_view
    return view(subject, catalogue, request, progress or SILENT)
