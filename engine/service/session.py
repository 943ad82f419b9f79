"""What a worker does with torch: a job, or questions about a model that it keeps loaded."""

from engine.errors import UserError
from engine.features.catalogue import Catalogue
from engine.interventions.clamp import clamp
from engine.jobs.run import run
from engine.model.device import choose_device
from engine.model.load import LanguageModel, load_model
from engine.model.locate import all_sites
from engine.model.site import parse_site
from engine.progress import Progress
from engine.sae.base import SparseAutoencoder
from engine.sae.metadata import SAEMetadata
from engine.sae.store import load_sae
from engine.service import protocol as p
from engine.workspace.folders import Stamp, Workspace, stamp


class Session:
    """Answers questions, and keeps the last model and the last SAE for the next one."""

    def __init__(self, workspace: Workspace, progress: Progress) -> None:
        self._workspace = workspace
        self._progress = progress
        self._model: tuple[tuple[str, str], LanguageModel] | None = None
        self._sae: tuple[tuple[str, str, Stamp], SparseAutoencoder, SAEMetadata] | None = None

    def run(self, spec: p.JobSpec) -> p.JobResult:
        """Do a job. Raises UserError, or Cancelled."""
        return run(spec, self._workspace, self._progress)

    def answer(self, question: p.Request) -> p.ReplyBody:
        """The reply to a question. Raises UserError, or Cancelled."""
        match question:
            case p.GetSites(model=model):
                return p.Sites(all_sites(self._load_model(model, "cpu")))
            case p.Clamp(request=request, device=device):
                return self._clamp(request, device)
        raise AssertionError(f"{type(question).__name__} is no question for a worker")

    def _clamp(self, request: p.ClampRequest, device: str) -> p.ClampReport:
        catalogue = Catalogue.open(self._workspace.existing_catalogue(request.sae))
        sae, metadata = self._load_sae(request.sae, device)
        model = metadata.model or catalogue.manifest.model
        site = metadata.site or catalogue.manifest.site
        if not model or not site:
            raise UserError(
                f"{request.sae} does not say which model and site it belongs to,"
                " so nothing can be edited with it."
            )
        lm = self._load_model(model, device)
        return clamp(lm, sae, parse_site(site), catalogue, request, progress=self._progress)

    def _load_model(self, source: str, device: str) -> LanguageModel:
        key = (source, str(choose_device(device)))  # `auto` and what it means are one model
        if self._model is None or self._model[0] != key:
            self._model = None  # let go of the old one before the new one needs its memory
            self._progress(f"load {source}", 0)
            self._model = (key, load_model(source, device=device))
        return self._model[1]

    def _load_sae(self, name: str, device: str) -> tuple[SparseAutoencoder, SAEMetadata]:
        folder = self._workspace.existing_sae(name)
        key = (name, device, stamp(folder))
        if self._sae is None or self._sae[0] != key:
            self._sae = None
            self._progress(f"load {name}", 0)
            self._sae = (key, *load_sae(folder, choose_device(device)))
        return self._sae[1:]
