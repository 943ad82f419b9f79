"""Writing `batch-0.json`, `batch-1.json` and so on."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import torch
from torch import Tensor

from engine.activations.store.row_kinds import are_taken
from engine.activations.store.row_kinds_files import read_row_kinds
from engine.activations.store.row_summary import row_choice
from engine.activations.store.tokens import TokenTable
from engine.features.catalogue.catalogue import Catalogue
from engine.features.catalogue.codes import Codes
from engine.features.dashboards.correlations import Correlated, Correlations
from engine.features.dashboards.format import Batch, Dashboard
from engine.features.dashboards.histogram import histogram, shortened
from engine.features.dashboards.occurrences import active_values, occurrences
from engine.model.load import LanguageModel
from engine.model.site import Site, parse_site
from engine.model.text import vocabulary
from engine.model.unembed import logit_effects
from engine.progress import Progress

LOGITS = 10
"""Tokens at either end: SAEDashboard's default."""
ROWS = 3
"""In each table of relatives: its default, too."""


@torch.no_grad()
def write_dashboards(
    catalogue: Catalogue,
    tokens: TokenTable,
    W_dec: Tensor,
    lm: LanguageModel,
    site: Site | None = None,
    *,
    features: Sequence[int],
    folder: Path,
    sae: str,
    batch: int,
    progress: Progress,
) -> list[Path]:
    """Write the dashboards of some features into `folder`, `batch` a file.

    `tokens` is the table of the set that was scanned; `sae` names the SAE, of which W_dec is
    [features, width of the `site` that they write at]. Activations and directions are in its own
    units, where SAEDashboard folds the directions' lengths into the activations. Effects on logits
    are `logit_effects`.

    Memory: the effects of a batch, [batch, vocabulary] fp32, and 16 bytes a feature.
    Raises UserError for a model whose unembedding doesn't read the residual stream, and ValueError
    while the scan goes on.
    """
    if catalogue.codes is None:
        raise ValueError("codes are kept when a scan ends")
    writer = _Writer(catalogue, catalogue.codes, tokens, lm, site)
    paths = []
    for first in range(0, len(features), batch):
        progress("write dashboards", first, len(features), "features")
        some = list(features[first : first + batch])
        content = Batch(
            model_id=Path(lm.source).name,
            layer=parse_site(catalogue.manifest.site).layer,
            sae_set=sae,
            features=writer.dashboards(some, W_dec[some]),
        )
        paths.append(folder / f"batch-{first // batch}.json")
        paths[-1].write_bytes(msgspec.json.encode(content))
    progress("write dashboards", len(features), len(features), "features")
    return paths


class _Writer:
    """What all dashboards of a catalogue have in common."""

    def __init__(
        self,
        catalogue: Catalogue,
        codes: Codes,
        tokens: TokenTable,
        lm: LanguageModel,
        site: Site | None,
    ) -> None:
        self._catalogue = catalogue
        self._tokens = tokens
        self._lm = lm
        self._site = site
        self._vocabulary = vocabulary(lm)
        self._correlations = Correlations(codes, _counted_tokens(catalogue, codes, tokens))
        about = tokens.manifest
        longest = int((tokens.document_bounds[1:] - tokens.document_bounds[:-1]).max())
        self._prompt = longest if about.context is None else min(longest, about.context)

    def dashboards(self, features: list[int], directions: Tensor) -> list[Dashboard]:
        """directions: [features, width]."""
        effects = logit_effects(self._lm, directions, self._site).cpu()
        directions = directions.float().cpu()
        return [
            self._dashboard(feature, direction, effect)
            for feature, direction, effect in zip(features, directions, effects, strict=True)
        ]

    def _dashboard(self, feature: int, direction: Tensor, effects: Tensor) -> Dashboard:
        """direction [width], effects [vocabulary]."""
        catalogue = self._catalogue
        aligned = direction.topk(min(ROWS, len(direction)))
        related: list[Correlated] = self._correlations.of(feature, ROWS)
        raised = effects.topk(min(LOGITS, len(effects)))
        lowered = effects.topk(min(LOGITS, len(effects)), largest=False)
        freq_values, freq_heights = histogram(active_values(catalogue, feature))
        logits_values, logits_heights = histogram(effects.numpy())
        return Dashboard(
            feature_index=feature,
            neuron_alignment_indices=aligned.indices.tolist(),
            neuron_alignment_values=_short(aligned.values),
            neuron_alignment_l1=_short(aligned.values.abs() / direction.abs().sum()),
            correlated_features_indices=[each.feature for each in related],
            correlated_features_l1=_short(torch.tensor([each.cosine for each in related])),
            correlated_features_pearson=_short(torch.tensor([each.pearson for each in related])),
            neg_str=[self._vocabulary[token] for token in lowered.indices.tolist()],
            neg_values=_short(lowered.values),
            pos_str=[self._vocabulary[token] for token in raised.indices.tolist()],
            pos_values=_short(raised.values),
            frac_nonzero=float(catalogue.columns["density"][feature]),
            freq_hist_data_bar_values=freq_values,
            freq_hist_data_bar_heights=freq_heights,
            logits_hist_data_bar_heights=logits_heights,
            logits_hist_data_bar_values=logits_values,
            n_prompts_total=catalogue.manifest.documents,
            n_tokens_in_prompt=self._prompt,
            dataset=catalogue.manifest.activations,
            activations=occurrences(catalogue, self._tokens, feature),
        )


def _counted_tokens(catalogue: Catalogue, codes: Codes, tokens: TokenTable) -> float:
    """How many rows of the codes are tokens that figures are taken over; about, by their share of
    the set, where the kinds of the set's rows are not written down."""
    scanned = catalogue.manifest
    kinds = read_row_kinds(tokens.folder, tokens.manifest)
    if kinds is None or scanned.row_summary is None:
        return codes.tokens * scanned.tokens / max(1, scanned.total_tokens)
    taken = are_taken(kinds, row_choice(keep_sinks=scanned.keep_sinks))
    first = tokens.document_bounds[codes.documents] + codes.firsts
    last = first + np.diff(codes.bounds)
    return float(sum(taken[a:b].sum() for a, b in zip(first, last, strict=True)))


def _short(values: Tensor) -> list[float]:
    return shortened(values.numpy())
