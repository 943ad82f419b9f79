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
from engine.model.chat import chat_note, template_of_prompts
from engine.model.load import LanguageModel
from engine.model.site import Site
from engine.progress import SILENT, Progress
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.formats.input_rule import WHOLE, InputRule


def clamp(
    lm: LanguageModel,
    sae: SparseAutoencoder,
    site: Site,
    catalogue: Catalogue,
    request: ClampRequest,
    *,
    rule: InputRule = WHOLE,
    progress: Progress | None = None,
) -> ClampReport:
    """Change features of the SAE at `site`, which `catalogue` describes, and report what follows.

    `rule` says what the SAE is to be given of what the model reads; nothing else is edited.
    Raises UserError for a request that can't be carried out: before anything is run, but for what
    only running shows.
    """
    if request.prompt_file and not request.prompts:
        prompts = read_prompts(Path(request.prompt_file))
        request = msgspec.structs.replace(request, prompts=prompts)
    check_request(request, len(catalogue))
    subject = ModelWithSAE(lm, sae, site, max_norm_of(catalogue.manifest.row_summary), rule)
    subject.check()
    subject.check_described_by(catalogue)
    template = template_of_prompts(lm, request.prompts, request.chat)
    if progress is not None and (note := chat_note(lm, template)):
        progress.note(note)
    view = model_view if request.view == "model" else reconstruction_view
    # the report's command is to go on meaning what it means here and now
    request = msgspec.structs.replace(request, model_dtype=lm.dtype_name)
    report = view(subject, catalogue, request, progress or SILENT)
    return msgspec.structs.replace(
        report,
        model=lm.source,
        model_dtype=lm.dtype_name,
        quantisation=lm.quantisation,
        chat_template=template,
    )
