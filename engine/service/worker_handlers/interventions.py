"""Clamps and other edits of a model at work, and the sites where they can be made."""

from engine.features.catalogue.catalogue import Catalogue
from engine.interventions.clamp import clamp
from engine.interventions.prompt_run import ModelWithSAE
from engine.interventions.screen import screen
from engine.interventions.spec import InterventionRequest
from engine.model.chat import chat_templates
from engine.model.locate import all_sites
from engine.service import protocol as p
from engine.service.session import Session
from engine.service.worker_handlers.registry import in_worker


@in_worker(p.GetSites)
def get_sites(question: p.GetSites, session: Session) -> p.Sites:
    """Every site of a model."""
    lm = session.any_model(question.model, question.device_map)
    return p.Sites(all_sites(lm), chat_templates(lm))


@in_worker(p.Clamp)
def clamp_features(question: p.Clamp, session: Session) -> p.ClampReport:
    """What follows when features are changed."""
    subject, catalogue = _subject(question.request, question.device, session)
    return clamp(subject, catalogue, question.request, progress=session.progress)


@in_worker(p.Screen)
def screen_features(question: p.Screen, session: Session) -> p.Screening:
    """Which of many features do more than chance."""
    subject, catalogue = _subject(question.request, question.device, session)
    return screen(subject, catalogue, question.request, progress=session.progress)


def _subject(
    request: InterventionRequest, device: str, session: Session
) -> tuple[ModelWithSAE, Catalogue]:
    """The SAE of a request in its model, and the catalogue of its features."""
    catalogue = Catalogue.open(session.workspace.existing_catalogue(request.sae))
    subject = session.subject(
        request.sae,
        device,
        request.model,
        request.model_dtype,
        quantize=request.quantize,
        device_map=request.device_map,
    )
    catalogue.check_reads_of(request.sae, session.sae(request.sae, device)[1])
    return subject, catalogue
