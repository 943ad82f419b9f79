"""What a session worker keeps loaded from one question to the next: a model and an SAE."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.manifest import read_manifest
from engine.activations.store.row_kinds_files import read_row_summary
from engine.activations.store.row_summary import RowSummary, SinkRule
from engine.activations.store.tokens import TokenTable
from engine.errors import UserError
from engine.features.catalogue.catalogue import Catalogue
from engine.features.sink_rule import known_sink_rule
from engine.interventions.prompt_run import ModelWithSAE
from engine.jobs.kinds.checks import target_set
from engine.jobs.model_of_sae import models_and_site
from engine.model.device import choose_device
from engine.model.device_map import device_map_to_use
from engine.model.dtypes import (
    AS_STORED,
    AUTO,
    dtype_to_ask_for,
    other_dtype_note,
    quantisation_to_ask_for,
    weights_words,
)
from engine.model.load import LanguageModel, load_model
from engine.model.locate import site_device
from engine.model.site import parse_site
from engine.progress import Progress
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.formats.input_rule import WHOLE, input_rule
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.provenance import other_model_note
from engine.sae.formats.store import load_sae
from engine.workspace.folders import Stamp, Workspace, stamp


class _Loaded(NamedTuple):
    """What was asked for when a model was loaded."""

    source: str
    device: str
    quantize: str
    device_map: str
    dtype: str

    def serves(self, wanted: "_Loaded", lm: LanguageModel) -> bool:
        """Whether the model `lm` that came of it is the one that is `wanted`."""
        same_dtype = wanted.dtype in (self.dtype, lm.dtype_name)
        return wanted[:-1] == self[:-1] and same_dtype


class Session:
    """Loads models and SAEs of a workspace, and keeps the last of each for the next question."""

    def __init__(self, workspace: Workspace, progress: Progress) -> None:
        self.workspace = workspace
        self.progress = progress
        self._model: tuple[_Loaded, LanguageModel] | None = None
        self._variant: tuple[LanguageModel, LanguageModel] | None = None
        """The model that is kept, and as it reads with BOS or without, where an SAE asks for it."""
        self._sae: tuple[tuple[str, str, Stamp], SparseAutoencoder, SAEMetadata] | None = None

    def model(
        self,
        source: str,
        device: str,
        dtype: str = AUTO,
        *,
        quantize: str = AS_STORED,
        device_map: str = "",
    ) -> LanguageModel:
        """The model called `source`, on `device` or spread as `device_map` says, which computes in
        `dtype`, from weights as `quantize` says; all as `load_model` takes them."""
        # `auto` and what it means are one model
        device_map = device_map_to_use(device_map)
        wanted = _Loaded(source, str(choose_device(device)), quantize, device_map, dtype)
        if self._model is None or not self._model[0].serves(wanted, self._model[1]):
            # let go of the old one before the new one needs its memory
            self._model = self._variant = None
            self.progress(f"load {source}", 0)
            lm = load_model(
                source, dtype=dtype, device=device, quantize=quantize, device_map=device_map
            )
            self._model = (wanted, lm)
            if lm.places:
                self.progress.note(f"{source} is spread over {lm.places}.")
        return self._model[1]

    def any_model(self, source: str, device_map: str = "") -> LanguageModel:
        """The model called `source`, wherever it is and whatever it computes in."""
        if self._model is not None and self._model[0].source == source:
            return self._model[1]
        device_map = device_map_to_use(device_map)
        return self.model(source, "auto" if device_map else "cpu", device_map=device_map)

    def sae(self, name: str, device: str) -> tuple[SparseAutoencoder, SAEMetadata]:
        """The SAE called `name`, on `device`, and where it comes from."""
        folder = self.workspace.existing_sae(name)
        key = (name, device, stamp(folder))
        if self._sae is None or self._sae[0] != key:
            self._sae = None
            self._sae = (key, *self.load_sae_once(name, device))
            # imports and compiles kernels, while nobody waits to have a question given up
            loaded = self._sae[1]
            loaded.encode(loaded.W_dec.new_zeros(1, loaded.config.d_in))
        return self._sae[1:]

    def load_sae_once(self, name: str, device: str) -> tuple[SparseAutoencoder, SAEMetadata]:
        """An SAE for a single question, and where it comes from; the SAE that is kept stays."""
        self.progress(f"load {name}", 0)
        return load_sae(self.workspace.existing_sae(name), choose_device(device))

    def subject(
        self,
        name: str,
        device: str,
        model: str | None = None,
        model_dtype: str = AUTO,
        *,
        quantize: str = AUTO,
        device_map: str = "",
    ) -> ModelWithSAE:
        """The SAE called `name` in the model that it belongs to, or in the `model` that is named.

        The model computes in `model_dtype`, from weights as `quantize` says; `auto` is what it did
        when the SAE's activations were made. One that is spread by a `device_map` has the SAE on
        the device of its site, unless another one is named. Raises UserError where the model isn't
        known, or can't be loaded.
        """
        sae, metadata = self.sae(name, device)
        found = models_and_site(self.workspace, name, metadata, model)
        lm = self._first_model(
            found.models,
            device,
            dtype_to_ask_for(model_dtype, found.dtype),
            quantize=quantisation_to_ask_for(quantize, found.quantisation),
            device_map=device_map,
        )
        site = parse_site(found.site)
        target = parse_site(found.target_site) if found.target_site else None
        is_spread = lm.places and device == "auto"
        # also back from where it was for a model that was spread: it is the one that is kept
        sae.to(site_device(lm, target or site) if is_spread else choose_device(device))
        if metadata.model and lm.source not in found.known:
            self.progress.note(
                other_model_note(name, metadata.model, f"it is tried in {lm.source}")
            )
        recorded = weights_words(found.dtype, found.quantisation)
        if note := other_dtype_note(name, recorded, lm.weights):
            self.progress.note(note)
        asked = input_rule(metadata)
        if asked != WHOLE:
            self.progress.note(f"As its files say, {name} is given {asked}.")
        lm = self._reading(lm, asked.prepend_bos)
        rule = self.sink_rule(name, device)
        max_norm = None if rule is None else rule.max_norm
        of_target = self._target_max_norm(name, metadata) if target else None
        return ModelWithSAE(lm, sae, site, max_norm, asked, target, of_target)

    def _target_max_norm(self, name: str, metadata: SAEMetadata) -> float | None:
        """Beyond which norm an activation that a transcoder predicts is a sink, by what it learned
        from or the other set of the capture that it was scanned on; None: not known."""
        rows = metadata.target_row_summary
        catalogue = self.workspace.catalogue(name)
        if rows is None and catalogue.exists():
            scanned = Catalogue.open(catalogue).manifest.activations
            target = target_set(name, None, scanned, self.workspace)
            rows = None if target is None else self._rows_of(target, metadata.target_site)
        return None if rows is None or rows.rule is None else rows.rule.max_norm

    def _reading(self, lm: LanguageModel, prepend_bos: bool | None) -> LanguageModel:
        """The model as it reads texts with or without BOS; the same one for the next question."""
        wanted = lm.reading(prepend_bos=prepend_bos)
        if wanted is lm:
            return lm
        if self._variant is None or self._variant[0] is not lm:
            self._variant = (lm, wanted)
        return self._variant[1]

    def sink_rule(self, name: str, device: str) -> SinkRule | None:
        """Which activations are sinks at the site of the SAE called `name`; None: not known.

        Where scan and training are of an older version, that is measured on their sets, with a note
        if the figures of the catalogue are those of sinks.
        """
        _, metadata = self.sae(name, device)
        folder = self.workspace.catalogue(name)
        catalogue = Catalogue.open(folder) if folder.exists() else None
        rule = known_sink_rule(metadata, catalogue)
        if rule is not None:
            return rule
        scanned = "" if catalogue is None else catalogue.manifest.activations
        for acts in dict.fromkeys(filter(None, (scanned, metadata.activations))):
            rows = self._rows_of(acts, metadata.site)
            if rows is None or rows.rule is None:
                continue
            if acts == scanned and rows.counts.sink:
                self.progress.note(
                    f"{name} was scanned by a version that took {rows.counts.sink:,} attention"
                    " sinks for text: maxima may be theirs. Scan it again."
                )
            return rows.rule
        return None

    def _rows_of(self, name: str, site: str) -> RowSummary | None:
        """What the rows of a set are; None where there is no such set any more, of that site."""
        folder = self.workspace.activations(name)
        try:
            manifest = read_manifest(folder)
            if manifest.site != site:
                return None
            known = read_row_summary(folder, manifest)
            return known or ActivationSet.open(folder).measure_rows(self.progress).summary
        except UserError:
            return None

    def _first_model(
        self, sources: Sequence[str], device: str, dtype: str, *, quantize: str, device_map: str
    ) -> LanguageModel:
        """The first of several models that can be loaded; if none can, the first's UserError."""
        load = functools.partial(
            self.model, device=device, dtype=dtype, quantize=quantize, device_map=device_map
        )
        if self._model is not None and self._model[0].source in sources:
            return load(self._model[0].source)
        failures = []
        for source in sources:
            try:
                return load(source)
            except UserError as error:
                failures.append(error)
        raise UserError(
            failures[0].what,
            f"{failures[0].do} If it lies elsewhere, or is called otherwise here, name it with"
            " --model (clamp, screen, find, contrast).".strip(),
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
