"""Training on activation sets."""

import torch
from torch import Tensor

from engine.activations.batches.source import Source
from engine.activations.batches.stored import StoredBatches
from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.manifest import MANIFEST
from engine.activations.store.row_summary import RowChoice
from engine.files import sha256
from engine.jobs.kinds import Train
from engine.jobs.work.stored_splice import splice_if_possible
from engine.jobs.work.training_data import SPLICED_TOKENS, TrainingData, note_on_sinks
from engine.progress import Progress
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.config import TrainConfig
from engine.sae.evaluation.splice import SpliceMetrics
from engine.sae.evaluation.vectors import StoredVectors, Vectors
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.training.loop import split


class StoredData(TrainingData):
    """Rows of a set; a transcoder's targets are the same rows of another."""

    def __init__(
        self,
        acts: ActivationSet,
        targets: ActivationSet | None,
        spec: Train,
        choice: RowChoice,
    ) -> None:
        self._acts = acts
        self._choice = choice
        self._targets = targets
        self._spec = spec
        self._train_rows = self._held_rows = torch.empty(0, dtype=torch.int64)
        self.d_in = acts.d_model
        self.d_out = None if targets is None else targets.d_model
        self.vectors = len(acts)
        self.site = acts.manifest.site
        self.target = None if targets is None else targets.manifest.site

    def source(self, config: TrainConfig, progress: Progress) -> tuple[Source, int]:
        self._train_rows, self._held_rows = split(
            self._acts, config, progress, targets=self._targets, choice=self._choice
        )
        note_on_sinks(self._acts.measure_rows().summary, self._choice, progress)
        self.split = "held_out" if len(self._held_rows) else "trained_on"
        sets = [self._acts] if self._targets is None else [self._acts, self._targets]
        source = StoredBatches(sets, self._train_rows, config.batch, config.seed)
        return source, len(self._train_rows)

    def held_out(self, progress: Progress) -> Vectors:
        if not len(self._held_rows):
            progress.note("No documents were held out: the figures are of the training vectors.")
        return StoredVectors(self._acts, self._measured_rows, self._targets)

    def splice(self, sae: SparseAutoencoder, progress: Progress) -> SpliceMetrics | None:
        spliced = splice_if_possible(
            sae,
            self._acts,
            self._measured_rows,
            self._spec,
            targets=self._targets,
            choice=self._choice,
            max_tokens=SPLICED_TOKENS,
            progress=progress,
        )
        if spliced is None:
            return None
        self.spliced_dtype = spliced.model_dtype
        return spliced.metrics

    def metadata(self) -> SAEMetadata:
        manifest, targets = self._acts.manifest, self._targets
        return SAEMetadata(
            model=manifest.model,
            revision=manifest.revision,
            model_dtype=manifest.model_dtype,
            quantisation=manifest.quantisation,
            site=manifest.site,
            target_site="" if targets is None else targets.manifest.site,
            tokenizer=manifest.tokenizer,
            activations=self._acts.folder.name,
            target="" if targets is None else targets.folder.name,
            context=manifest.context,
            keep_sinks=self._choice != "text",
            row_summary=self._acts.measure_rows().summary,
            target_row_summary=None if targets is None else targets.measure_rows().summary,
        )

    def identity(self) -> dict[str, str]:
        sets = filter(None, [self._acts, self._targets])
        return {acts.folder.name: sha256(acts.folder / MANIFEST) for acts in sets}

    @property
    def _measured_rows(self) -> Tensor:
        return self._held_rows if len(self._held_rows) else self._train_rows
