"""Where a saved autoencoder comes from: `brainsurg.json`, beside its weights. Torch-free."""

from pathlib import Path
from typing import Any, Literal

import msgspec

from engine.activations.store.row_summary import RowSummary
from engine.figures import Figure
from engine.sae.config import SAEConfig, TrainConfig
from engine.sae.formats.records import read_record
from engine.sae.formats.stated_figures import StatedFigures

FILE = "brainsurg.json"


class SAEMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """Where an autoencoder comes from, and how good it is; empty where unknown."""

    model: str = ""
    """The model whose activations it reads, as the user named it."""
    revision: str | None = None
    """The model's commit on the hub, where it has one."""
    model_dtype: str = ""
    """What the model computed in when its activations were made."""
    quantisation: str = ""
    """What the model's weights were stored in, such as Q4_1 of a GGUF file, or int8."""
    site: str = ""
    """Where in the model, as `engine.model.site` spells it."""
    target_site: str = ""
    """For a transcoder: where in the model the activations are that it predicts."""
    tokenizer: str = ""
    activations: str = ""
    """The activation set that it was trained on; empty, too, where it learned from a stream."""
    target: str = ""
    """For a transcoder: the set of what it learned to predict."""
    context: int | None = None
    """Longest stretch of text that the model saw at once, in tokens."""
    trained_as: SAEConfig | None = None
    """What was trained, where something else is loaded: batchtopk and matryoshka, with their k and
    groups, are jumprelu once they are trained."""
    train_config: TrainConfig | None = None
    trained_tokens: int = 0
    """Activation vectors that it was trained on, repeats counted."""
    keep_sinks: bool = False
    """Whether it was trained on sinks, too, and on whatever else is not text
    (`engine.activations.store.row_kinds`)."""
    row_summary: RowSummary | None = None
    """Of the activations that it was trained on: the norm beyond which one of its site is a sink,
    and how many there were. None: not known, as of an SAE of another library; one of an older
    version was trained on sinks."""
    target_row_summary: RowSummary | None = None
    """The same of what a transcoder learned to predict."""
    metrics: dict[str, Figure] = {}
    """Figures of `engine.sae.evaluation.reconstruction`, `decoder_cosine` and `splice`, by name."""
    measured_on: str = ""
    """The activation set that the figures were measured on last; empty: the one it was trained on,
    when training ended."""
    measured_with_sinks: bool | None = None
    """Whether sinks are in the figures; None: measured when training ended, so they are if it was
    trained on them, or not known."""
    measured_dtype: str = ""
    """What the model computed in when figures were measured in it last: `ce_score` and its like."""
    imported_from: str = ""
    """Whose layout it was read from and where that lay, if it wasn't trained here; of what was
    fetched from the hub as owner/name/folder@commit."""
    published_as: str = ""
    """The name by which it was asked for, RELEASE/ID of `engine.sae.published`, if by one."""
    stated: StatedFigures = StatedFigures()
    """What its publisher says of how good it is, if anything."""
    library_fields: dict[str, dict[str, Any]] = {}
    """By format, what the library's own files tell that nothing here follows, such as which tokens
    it was trained on (`engine.sae.formats.input_fields`): an export to that library tells it
    again."""
    unknown_fields: dict[str, Any] = {}
    """Fields of the files that it was read from which this version doesn't know: it may compute
    something else than its library does."""
    format_version: Literal[1] = 1

    @property
    def has_sinks_in_figures(self) -> bool:
        """Whether sinks are in the metrics, as far as is known."""
        return self.keep_sinks if self.measured_with_sinks is None else self.measured_with_sinks


def read_metadata(folder: Path) -> SAEMetadata:
    """What is known of where the autoencoder in `folder` comes from.

    A folder that another library wrote has no `brainsurg.json`: then it is nothing.
    """
    path = folder / FILE
    return read_record(path, SAEMetadata) if path.exists() else SAEMetadata()
