"""Changing features and measuring what follows: the one function that others call."""

import msgspec

from engine.features.catalogue.catalogue import Catalogue
from engine.interventions.causal import model_view
from engine.interventions.prompt_run import ModelWithSAE
from engine.interventions.reconstruction import reconstruction_view
from engine.interventions.spec import ClampReport, ClampRequest
from engine.interventions.validation import check_request, with_prompts
from engine.model.chat import chat_note, template_of_prompts
from engine.model.dtypes import QUANTISATIONS
from engine.progress import SILENT, Progress


def clamp(
    subject: ModelWithSAE,
    catalogue: Catalogue,
    request: ClampRequest,
    *,
    progress: Progress = SILENT,
) -> ClampReport:
    """Change features of an SAE in its model, which `catalogue` describes, and report what follows.

    Raises UserError for a request that can't be carried out: before anything is run, but for what
    only running shows.
    """
    request = with_prompts(request)
    check_request(request, len(catalogue))
    lm = subject.lm
    subject.check()
    subject.check_described_by(catalogue)
    template = template_of_prompts(lm, request.prompts, request.chat)
    if note := chat_note(lm, template):
        progress.note(note)
    view = model_view if request.view == "model" else reconstruction_view
    # the report's command is to go on meaning what it means here and now
    request = msgspec.structs.replace(request, model_dtype=lm.dtype_name)
    if lm.quantisation in QUANTISATIONS:
        request = msgspec.structs.replace(request, quantize=lm.quantisation)
    report = view(subject, catalogue, request, progress)
    return msgspec.structs.replace(
        report,
        model=lm.source,
        model_dtype=lm.dtype_name,
        quantisation=lm.quantisation,
        chat_template=template,
    )
