"""What a model loses with an SAE in it, on the text behind an activation set."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.row_summary import RowChoice
from engine.activations.store.stored_windows import check_is_of, stored_windows
from engine.activations.windows import Window
from engine.errors import UserError
from engine.jobs.kinds.model import ModelSpec
from engine.jobs.work.model_of_job import load_model_of_job
from engine.model.locate import site_device
from engine.model.site import Site, parse_site
from engine.progress import Progress
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.evaluation.splice import SpliceMetrics, splice
from engine.sae.formats.input_rule import WHOLE, InputRule

TEXT_TOKENS = 1 << 16
"""Text that a model reads three times, where nobody says how much."""


@dataclass(frozen=True)
class Spliced:
    """What a model loses, and what it computed in."""

    metrics: SpliceMetrics
    model_dtype: str


def splice_if_possible(
    sae: SparseAutoencoder,
    acts: ActivationSet,
    rows: Tensor,
    spec: ModelSpec,
    *,
    targets: ActivationSet | None = None,
    choice: RowChoice = "text",
    rule: InputRule = WHOLE,
    model: str | None = None,
    max_tokens: int = TEXT_TOKENS,
    seed: int = 0,
    progress: Progress,
) -> Spliced | None:
    """Splice `sae` into the model that `acts` was captured from, reading text of the set.

    The documents that `rows` are from are drawn at random, by `seed`, until they hold `max_tokens`,
    and read in the windows of the capture. `spec` says where the model runs and what it computes
    in; if nothing is asked for, in what it did at the capture. `targets` is the set that a
    transcoder predicts. Only tokens of the `choice` to which the `rule` applies are replaced, see
    `splice`.

    None, with a note that says why, where there is no such model to be had: the other figures need
    only activations. But a `model` that was named must be there, and be the set's: else UserError.
    """
    try:
        site, target = _site_of(acts), None if targets is None else _site_of(targets)
        source = model or _model_of(acts)
        lm = load_model_of_job(
            source,
            spec,
            progress,
            joined_with=acts.folder.name,
            recorded_dtype=acts.manifest.model_dtype,
            recorded_quantisation=acts.manifest.quantisation,
            revision=acts.manifest.revision if source == acts.manifest.model else None,
        )
        if lm.places and spec.device == "auto":
            sae = sae.to(site_device(lm, target or site))
        order = np.random.default_rng(seed).permutation(_documents_of(acts, rows)).tolist()
        check_is_of(acts, lm, site, order[0])
        windows = list(first_windows(stored_windows(acts, order), max_tokens))
        sets = filter(None, [acts, targets])
        metrics = splice(
            lm,
            sae,
            site,
            windows,
            target=target,
            start_token_ids=acts.manifest.start_token_ids,
            special_token_ids=acts.manifest.special_token_ids,
            rules={each.manifest.site: each.measure_rows().summary.rule for each in sets},
            choice=choice,
            given=rule,
            progress=progress,
        )
        return Spliced(metrics, lm.dtype_name)
    except UserError as error:
        if model is not None:
            raise
        progress.note(f"CE score, ΔCE and KL are left out: {error}")
        return None


def _model_of(acts: ActivationSet) -> str:
    if not acts.manifest.model:
        raise UserError(
            f"{acts.folder.name} does not say which model it is of.", "Name it with --model."
        )
    return acts.manifest.model


def _site_of(acts: ActivationSet) -> Site:
    if not acts.manifest.site:
        raise UserError(f"{acts.folder.name} does not say at which site it was captured.")
    if not acts.manifest.tokenizer:
        raise UserError(f"The token ids of {acts.folder.name} are no model's.")
    return parse_site(acts.manifest.site)


def _documents_of(acts: ActivationSet, rows: Tensor) -> npt.NDArray[np.int64]:
    """The documents that rows are from, each once."""
    return np.unique((torch.searchsorted(acts.document_bounds, rows, right=True) - 1).numpy())


def first_windows(windows: Iterable[Window], tokens: int) -> Iterator[Window]:
    """The first windows, as many as hold `tokens` tokens together."""
    for window in windows:
        if tokens <= 0:
            return
        yield window
        tokens -= len(window.token_ids)
