"""A probe: how well the labels of texts can be told from an SAE's features."""

from pathlib import Path
from typing import Annotated

from engine.activations.labelled_texts import LABEL, TEXT, check_labelled_files
from engine.errors import UserError
from engine.features.probing.findings import ProbeFindings
from engine.features.probing.pools import POOLS, PoolName
from engine.jobs.kinds.base import JobResult, register_kind
from engine.jobs.kinds.checks import file_names
from engine.jobs.kinds.fields import Setting
from engine.jobs.kinds.model import ModelSpec
from engine.sae.formats.metadata import read_metadata
from engine.workspace.folders import Workspace

__all__ = ["Probe", "ProbeResult"]


class ProbeResult(ProbeFindings, JobResult, frozen=True, kw_only=True, tag="probe"):
    """How well labels are told by features, and by what they are to be compared with."""

    sae: str
    texts: list[str]
    """The files."""
    model: str
    model_dtype: str
    site: str
    pool: str
    splits: int
    nulls: int
    tokens: int
    """Of all texts, those that were pooled over."""
    left_out: int
    """Rows that can't be read, repeat a text, or have no token."""
    seconds: float


@register_kind
class Probe(ModelSpec, frozen=True, kw_only=True, tag="probe"):
    """Tell the labels of texts from an SAE's features, beside a plain probe.

    Features are pooled over the tokens of each text, without BOS and sinks. Held-out texts are
    scored: the best single features; logistic regressions on the 1 to 50 features whose means
    differ most; one on the activations themselves; the difference of their means; the commonest
    label; and all of them with the labels shuffled.
    """

    work = "engine.jobs.work.probe:probe_sae"
    result = ProbeResult

    sae: str
    """The SAE."""
    texts: Annotated[list[str], Setting(flag="texts", meaning="path")]
    """Files of texts with a label each: .jsonl, .json, .csv, .tsv or .parquet. Every row has a text
    and a label; two labels or more."""
    text_key: str = TEXT
    """What the column of the texts is called."""
    label_key: str = LABEL
    """What the column of the labels is called."""
    pool: Annotated[str, Setting(choices=lambda: POOLS)] = "mean"
    """How a feature is pooled over the tokens of a text: `mean`, as SAEBench does; `max`, whether
    it is active anywhere; or `last`, on the last token. Activations themselves are averaged with
    `max`."""
    splits: Annotated[int, Setting(least=1)] = 5
    """How often the texts are split anew; figures are means over them, with their deviation."""
    held_out: float = 0.2
    """The share of each label's texts that is held out and scored."""
    nulls: Annotated[int, Setting(least=0)] = 5
    """How often it is all done with the labels shuffled."""
    top: Annotated[int, Setting(least=1)] = 20
    """How many single features to tell."""
    model: Annotated[str | None, Setting(meaning="model")] = None
    """The SAE's model, if it is called otherwise here, or lies elsewhere, than the SAE and its scan
    say."""

    @property
    def subject(self) -> str:
        return self.sae

    @property
    def details(self) -> str:
        return f"with {file_names(*self.texts)}, {self.pool} over tokens"

    @property
    def pool_name(self) -> PoolName:
        """How features are pooled. Raises UserError for what is no such way."""
        if self.pool not in POOLS:
            raise UserError(f"There is no pool {self.pool!r}.", f"Choose {', '.join(POOLS)}.")
        return self.pool

    def reads(self, workspace: Workspace) -> set[Path]:
        catalogue = workspace.catalogue(self.sae)
        return {workspace.sae(self.sae), *([catalogue] if catalogue.exists() else [])}

    def check(self, workspace: Workspace) -> None:
        from engine.jobs.model_of_sae import models_and_site  # a front end needs no catalogue

        metadata = read_metadata(workspace.existing_sae(self.sae))
        models_and_site(workspace, self.sae, metadata, self.model)
        check_labelled_files([Path(path) for path in self.texts])
        _ = self.pool_name
        if not self.texts:
            raise UserError("There is nothing to read.", "Name files of texts with --texts.")
        if not 0 < self.held_out < 1:
            raise UserError(
                f"A share of {self.held_out:g} of the texts can't be held out.",
                "Choose a share between 0 and 1.",
            )
        for name, least in (("splits", 1), ("nulls", 0), ("top", 1)):
            if getattr(self, name) < least:
                raise UserError(f"--{name} must be at least {least}, and is {getattr(self, name)}.")
