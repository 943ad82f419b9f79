"""What a session worker keeps loaded from one question to the next: a model and an SAE."""

from collections.abc import Sequence
from pathlib import Path

from engine.activations.row_kinds import SinkRule
from engine.activations.store import ActivationSet
from engine.activations.tokens import TokenTable
from engine.errors import UserError
from engine.features.catalogue.catalogue import Catalogue
from engine.features.sink_rule import known_sink_rule
from engine.interventions.prompt_run import ModelWithSAE
from engine.model.device import choose_device
from engine.model.load import LanguageModel, load_model
from engine.model.site import parse_site
from engine.progress import Progress
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.provenance import other_model_note
from engine.sae.formats.store import load_sae
from engine.service.model_of_sae import models_and_site
from engine.workspace.folders import Stamp, Workspace, stamp


class Session:
    """Loads models and SAEs of a workspace, and keeps the last of each for the next question."""

    def __init__(self, workspace: Workspace, progress: Progress) -> None:
        self.workspace = workspace
        self.progress = progress
        self._model: tuple[tuple[str, str], LanguageModel] | None = None
        self._sae: tuple[tuple[str, str, Stamp], SparseAutoencoder, SAEMetadata] | None = None

    def model(self, source: str, device: str) -> LanguageModel:
        """The model called `source`, on `device`."""
        key = (source, str(choose_device(device)))  # `auto` and what it means are one model
        if self._model is None or self._model[0] != key:
            self._model = None  # let go of the old one before the new one needs its memory
            self.progress(f"load {source}", 0)
            self._model = (key, load_model(source, device=device))
        return self._model[1]

    def sae(self, name: str, device: str) -> tuple[SparseAutoencoder, SAEMetadata]:
        """The SAE called `name`, on `device`, and where it comes from."""
        folder = self.workspace.existing_sae(name)
        key = (name, device, stamp(folder))
        if self._sae is None or self._sae[0] != key:
            self._sae = None
            self._sae = (key, *self.load_sae_once(name, device))
        return self._sae[1:]

    def load_sae_once(self, name: str, device: str) -> tuple[SparseAutoencoder, SAEMetadata]:
        """An SAE for a single question, and where it comes from; the SAE that is kept stays."""
        self.progress(f"load {name}", 0)
        return load_sae(self.workspace.existing_sae(name), choose_device(device))

    def subject(self, name: str, device: str, model: str | None = None) -> ModelWithSAE:
        """The SAE called `name` in the model that it belongs to, or in the `model` that is named.

        Raises UserError where that isn't known, or can't be loaded.
        """
        sae, metadata = self.sae(name, device)
        found = models_and_site(self.workspace, name, metadata, model)
        lm = self._first_model(found.models, device)
        if metadata.model and lm.source not in found.known:
            self.progress.note(
                other_model_note(name, metadata.model, f"it is tried in {lm.source}")
            )
        rule = self.sink_rule(name, device)
        max_norm = None if rule is None else rule.max_norm
        return ModelWithSAE(lm, sae, parse_site(found.site), max_norm)

    def sink_rule(self, name: str, device: str) -> SinkRule | None:
        """Which activations are sinks at the site of the SAE called `name`; None: not known."""
        _, metadata = self.sae(name, device)
        folder = self.workspace.catalogue(name)
        return known_sink_rule(metadata, Catalogue.open(folder) if folder.exists() else None)

    def _first_model(self, sources: Sequence[str], device: str) -> LanguageModel:
        """The first of several models that can be loaded; if none can, the first's UserError."""
        if self._model is not None and self._model[0][0] in sources:
            return self.model(self._model[0][0], device)
        failures = []
        for source in sources:
            try:
                return self.model(source, device)
            except UserError as error:
                failures.append(error)
        raise UserError(
            failures[0].what,
            f"{failures[0].do} If it lies elsewhere, or is called otherwise here, name it with"
            " --model (clamp, find, contrast).".strip(),
        )

    def scanned_activations(self, sae: str) -> ActivationSet:
        """The activation set that the SAE was scanned on.

        Raises UserError where it is gone, or one of other texts, model or site has its name.
        """
        catalogue = Catalogue.open(self.workspace.existing_catalogue(sae))
        name = catalogue.manifest.activations
        folder: Path = self.workspace.activations(name)
        if not folder.exists():
            raise UserError(
                f"The activation set {name!r}, on which {sae} was scanned, has been deleted.",
                "Its documents can't be shown; scan another set to see that one's.",
            )
        acts = ActivationSet.open(folder)
        catalogue.check_scanned(TokenTable(acts.folder, acts.manifest))
        scanned = (catalogue.manifest.model, catalogue.manifest.site)
        if (acts.manifest.model, acts.manifest.site) != scanned:
            raise catalogue.wrong_set_error()
        return acts
