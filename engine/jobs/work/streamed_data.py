"""Training on what a model makes of text while it is trained on: no activations on disk."""

from collections.abc import Iterable
from pathlib import Path

from engine.activations.batches.observed import HeldOut, ObservedDocuments
from engine.activations.batches.source import Source
from engine.activations.batches.stored import MEMORY_BYTES
from engine.activations.batches.streamed import BUFFER_ROWS, StreamedBatches
from engine.activations.corpus import read_documents
from engine.activations.hub_dataset import stream_dataset
from engine.activations.store.row_summary import RowChoice, RowSummary
from engine.activations.windows import checked_context
from engine.errors import UserError
from engine.jobs.kinds import Train
from engine.jobs.work.stored_splice import first_windows
from engine.jobs.work.training_data import SPLICED_TOKENS, TrainingData, note_on_sinks
from engine.model.load import LanguageModel
from engine.model.locate import site_width
from engine.model.site import Site
from engine.progress import Progress
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.config import TrainConfig
from engine.sae.evaluation.splice import SpliceMetrics, splice
from engine.sae.evaluation.vectors import HeldVectors, Vectors
from engine.sae.formats.metadata import SAEMetadata

TOKENS = 2_000_000
"""Of a training, where nobody says how many; a stream has no end of its own."""
LEAST_TOKENS = 10_000
"""A stream is a corpus, however short the training: some of it is held out."""
MEASURED_VECTORS = 1 << 16


class StreamedData(TrainingData):
    """Activations of a corpus, made by a model as they are needed."""

    def __init__(
        self,
        lm: LanguageModel,
        spec: Train,
        site: Site,
        target: Site | None,
        choice: RowChoice,
    ) -> None:
        self._lm = lm
        self._choice = choice
        self._spec = spec
        self._site, self._target = site, target
        self._context = checked_context(lm, spec.context)
        self._held: HeldOut | None = None
        self._row_summary: RowSummary | None = None
        self._target_row_summary: RowSummary | None = None
        self.d_in = site_width(lm, site)
        self.d_out = None if target is None else site_width(lm, target)
        self.vectors = max(LEAST_TOKENS, spec.tokens or TOKENS)
        self.site = str(site)
        self.target = None if target is None else str(target)

    def source(self, config: TrainConfig, progress: Progress) -> tuple[Source, int]:
        self._observed = ObservedDocuments(
            self._lm,
            lambda: documents(self._spec),
            [self._site] if self._target is None else [self._site, self._target],
            config.seed,
            context=self._context,
            held_out=config.held_out,
            choice=self._choice,
        )
        measured = self._observed.measure()
        self._row_summary = measured[self.site]
        self._target_row_summary = None if self.target is None else measured[self.target]
        note_on_sinks(self._row_summary, self._choice, progress)
        row_bytes = sum(kind.width * kind.dtype.itemsize for kind in self._observed.kinds.values())
        rows = min(BUFFER_ROWS, config.tokens // 2, MEMORY_BYTES // row_bytes)
        self._source = StreamedBatches(
            self._observed, config.batch, config.seed, buffer_rows=max(2 * config.batch, rows)
        )
        return self._source, config.tokens

    def held_out(self, progress: Progress) -> Vectors:
        try:
            self._held = self._observed.held_out(MEASURED_VECTORS, progress)
            rows = self._held.rows
            self.split = "held_out"
        except UserError as error:
            progress.note(f"{error.what} The figures are of training vectors.")
            rows = self._source.sample(MEASURED_VECTORS)
            self.split = "trained_on"
        return HeldVectors(rows[self.site], None if self.target is None else rows[self.target])

    def splice(self, sae: SparseAutoencoder, progress: Progress) -> SpliceMetrics | None:
        if self._held is None:
            progress.note("CE score, ΔCE and KL are left out: they need held-out text.")
            return None
        self.spliced_dtype = self._lm.dtype_name
        return splice(
            self._lm,
            sae,
            self._site,
            list(first_windows(self._held.windows, SPLICED_TOKENS)),
            start_token_ids=self._lm.start_ids,
            target=self._target,
            rules=self._observed.rules if self._choice == "text" else None,
            choice=self._choice,
            progress=progress,
        )

    def metadata(self) -> SAEMetadata:
        return SAEMetadata(
            model=self._lm.source,
            revision=self._lm.revision,
            model_dtype=self._lm.dtype_name,
            quantisation=self._lm.quantisation,
            site=self.site,
            target_site=self.target or "",
            tokenizer=self._lm.source,
            context=self._context,
            keep_sinks=self._choice != "text",
            row_summary=self._row_summary,
            target_row_summary=self._target_row_summary,
        )

    def identity(self) -> dict[str, str]:
        return {}


def documents(spec: Train) -> Iterable[str]:
    """The text that the model reads, from its beginning."""
    if spec.dataset is not None:
        return stream_dataset(spec.dataset)
    return read_documents([Path(text) for text in spec.texts])
