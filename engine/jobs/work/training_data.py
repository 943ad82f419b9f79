"""What a training draws from, and what its outcome is measured on: a store, or a model at work."""

from abc import ABC, abstractmethod

from engine.activations.batches.source import Source
from engine.activations.store.row_summary import RowChoice, RowSummary
from engine.jobs.kinds.train import Split
from engine.progress import Progress
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.config import TrainConfig
from engine.sae.evaluation.splice import SpliceMetrics
from engine.sae.evaluation.vectors import Vectors
from engine.sae.formats.metadata import SAEMetadata

SPLICED_TOKENS = 1 << 14
"""Text that the model reads at the end of a training; `brainsurg evaluate` takes more."""


def note_on_sinks(summary: RowSummary, choice: RowChoice, progress: Progress) -> None:
    """Say how many activations are sinks or not finite, and what becomes of them."""
    if summary.sentence:
        becomes = "They are left out."
        if choice != "text" and summary.counts.sink:
            becomes = "Sinks are trained on, as was asked for."
        progress.note(f"{summary.sentence} {becomes}")


class TrainingData(ABC):
    """Activations at one site, or for a transcoder at two."""

    d_in: int
    d_out: int | None
    """None: what is read is reconstructed."""
    vectors: int
    """About how many there are, by which a recipe goes."""
    site: str
    """The name in the source's rows of what is read."""
    target: str | None
    """Of what is to be predicted."""
    spliced_dtype: str = ""
    """What the model computed in for `splice`; empty before it, and without a model."""
    split: Split = ""
    """What `held_out` gives; empty while that is not known, which it is after it at the latest."""

    @abstractmethod
    def source(self, config: TrainConfig, progress: Progress) -> tuple[Source, int]:
        """Batches of what isn't held out, and of how many different vectors they are."""

    @abstractmethod
    def held_out(self, progress: Progress) -> Vectors:
        """What the training has not seen; with a note what it has seen, where nothing is held out.

        Only after `source`.
        """

    @abstractmethod
    def splice(self, sae: SparseAutoencoder, progress: Progress) -> SpliceMetrics | None:
        """What the model loses with `sae` in it, on held-out text; None and a note without a model.

        Only after `held_out`.
        """

    @abstractmethod
    def metadata(self) -> SAEMetadata:
        """Where an autoencoder comes from that is trained on this."""

    @abstractmethod
    def identity(self) -> dict[str, str]:
        """What must be the same for a training to go on, in JSON's own types. What the source
        itself looks after is left out."""
