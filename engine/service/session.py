"""What a worker does with torch: a job, or questions about a model that it keeps loaded."""

from pathlib import Path

from engine.activations.any_text import read_texts
from engine.errors import UserError
from engine.features.catalogue.catalogue import Catalogue
from engine.features.examples.document import whole_document
from engine.features.search.contrast import Texts, contrast
from engine.features.search.nearest import cautions, nearest
from engine.interventions.clamp import clamp
from engine.interventions.firing import find_firing
from engine.jobs.run import run
from engine.model.locate import all_sites
from engine.progress import Progress
from engine.service import protocol as p
from engine.service.loaded import Loaded
from engine.workspace.folders import Workspace


class Session:
    """Answers questions; what it loads for one is there for the next."""

    def __init__(self, workspace: Workspace, progress: Progress) -> None:
        self._workspace = workspace
        self._progress = progress
        self._loaded = Loaded(workspace, progress)

    def run(self, spec: p.JobSpec) -> p.JobResult:
        """Do a job. Raises UserError, or Cancelled."""
        return run(spec, self._workspace, self._progress)

    def answer(self, question: p.Request) -> p.ReplyBody:
        """The reply to a question, without labels. Raises UserError, or Cancelled."""
        match question:
            case p.GetSites(model=model):
                return p.Sites(all_sites(self._loaded.model(model, "cpu")))
            case p.Clamp(request=request, device=device):
                return self._clamp(request, device)
            case p.FindFiring():
                return self._firing(question)
            case p.FindContrast():
                return self._contrast(question)
            case p.GetNearest():
                return self._nearest(question)
            case p.GetDocument():
                return self._document(question)
        raise AssertionError(f"{type(question).__name__} is no question for a worker")

    def _clamp(self, request: p.ClampRequest, device: str) -> p.ClampReport:
        catalogue = Catalogue.open(self._workspace.existing_catalogue(request.sae))
        subject = self._loaded.subject(request.sae, device)
        return clamp(
            subject.lm, subject.sae, subject.site, catalogue, request, progress=self._progress
        )

    def _firing(self, question: p.FindFiring) -> p.Firing:
        return find_firing(
            self._loaded.subject(question.sae, question.device),
            question.prompt,
            target=question.target,
            ablate=question.ablate,
            most=question.most,
            by=question.by,
            progress=self._progress,
        )

    def _contrast(self, question: p.FindContrast) -> p.Contrast:
        a, b = _texts(question.a), _texts(question.b)
        subject = self._loaded.subject(question.sae, question.device)
        _, metadata = self._loaded.sae(question.sae, question.device)
        return contrast(
            subject.lm,
            subject.sae,
            subject.site,
            a,
            b,
            context=metadata.context and min(metadata.context, subject.lm.context),
            most=question.most,
            progress=self._progress,
        )

    def _nearest(self, question: p.GetNearest) -> p.Relatives:
        sae, metadata = self._loaded.sae(question.sae, question.device)
        if question.other in (None, question.sae):
            return p.Relatives(relatives=nearest(sae, question.feature, most=question.most))
        other, others = self._loaded.sae_once(question.other, question.device)
        return p.Relatives(
            relatives=nearest(sae, question.feature, other, most=question.most),
            warnings=cautions(metadata, others),
        )

    def _document(self, question: p.GetDocument) -> p.Snippet:
        acts = self._loaded.scanned_activations(question.sae)
        sae, _ = self._loaded.sae(question.sae, question.device)
        return whole_document(sae, acts, question.feature, question.document, self._progress)


def _texts(source: p.TextSource) -> Texts:
    """Reads a source anew each time. Raises UserError for one that names nothing, or both."""
    path = source.file
    if (path is None) == (not source.text):
        raise UserError("A side of the contrast is a text or a file.", "Give one of them.")
    if path is None:
        return lambda: [source.text]
    return lambda: read_texts(Path(path))
