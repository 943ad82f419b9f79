"""What differs between two texts, feature by feature."""

from collections.abc import Callable

import torch
from torch import Tensor

from engine.activations.batches.observed import ObservedDocuments
from engine.activations.batches.reading import Documents
from engine.activations.store.row_summary import SinkRule
from engine.errors import UserError
from engine.features.search.findings import Contrast, ContrastedFeature
from engine.model.interruptible import interruptible
from engine.model.load import LanguageModel
from engine.model.site import Site
from engine.progress import SILENT, Progress
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.blocks import rows_per_block


@torch.no_grad()
def contrast(
    lm: LanguageModel,
    sae: SparseAutoencoder,
    site: Site,
    a: Documents,
    b: Documents,
    *,
    context: int | None = None,
    sink_rule: SinkRule | None = None,
    most: int = 100,
    progress: Progress = SILENT,
) -> Contrast:
    """The `most` features whose mean activations in two texts, or corpora, are furthest apart.

    Both are read as a corpus is: in windows of `context` tokens, BOS and sinks left out. The
    `sink_rule` says which norms are those of sinks; it is measured on each text where none is
    given. A feature counts as 0 where it is not active. The effect is Cohen's d, the difference of
    the means in units of the pooled standard deviation over tokens (Cohen 1988, Statistical Power
    Analysis, 2.2):

        s² = ((n_a − 1) s_a² + (n_b − 1) s_b²) / (n_a + n_b − 2)

    Memory: beside the model a pass of 8,192 tokens, some blocks of 64 MiB, 48 bytes a feature.
    Raises UserError for a text without tokens, a site that isn't there, and another width.
    """
    if sae.config.d_in != lm.d_model:
        raise UserError(
            f"The SAE reads activations of width {sae.config.d_in}, but those of {lm.source} are "
            f"{lm.d_model} wide.",
            "Choose the model that the SAE was trained on.",
        )

    def read(name: str, texts: Documents) -> _Sums:
        sums = _Sums(sae)

        def tick() -> None:
            progress(f"read the {name} text", sums.tokens, None, "tokens")

        rules = None if sink_rule is None else {str(site): sink_rule}
        with interruptible(lm, tick):
            documents = ObservedDocuments(lm, texts, [site], seed=0, context=context, rules=rules)
            for rows in documents.once():
                sums.add(rows[str(site)], tick)
        if sums.tokens == 0:
            raise UserError(
                f"The {name} text holds no token beside BOS and attention sinks.",
                "Write more in it.",
            )
        return sums

    return _compare(read("first", a), read("second", b), most)


class _Sums:
    """Sums over tokens of what every feature does: 24 bytes a feature."""

    def __init__(self, sae: SparseAutoencoder) -> None:
        self.tokens = 0
        zeros = torch.zeros(sae.config.d_sae, dtype=torch.float64, device=sae.W_dec.device)
        self.total, self.squares, self.active = zeros, zeros.clone(), zeros.clone()
        self._find = sae.finder()
        self._rows = rows_per_block(sae.config.d_sae)

    def add(self, x: Tensor, tick: Callable[[], None]) -> None:
        """Take in activations [rows, d_in]; `tick` is called between blocks of them."""
        for block in torch.split(x, self._rows):
            tick()
            support, acts = self._find(block.to(self.total.device))
            features, acts = support.features.long(), acts.double()
            self.tokens += len(block)
            self.total.index_add_(0, features, acts)
            self.squares.index_add_(0, features, acts.square())
            self.active += features.bincount(minlength=len(self.active))

    @property
    def mean(self) -> Tensor:
        return self.total / self.tokens

    @property
    def density(self) -> Tensor:
        return self.active / self.tokens

    @property
    def scatter(self) -> Tensor:
        """Σ (act − mean)² of each feature."""
        return (self.squares - self.total.square() / self.tokens).clamp_min(0)


def _compare(a: _Sums, b: _Sums, most: int) -> Contrast:
    difference = a.mean - b.mean
    freedom = max(1, a.tokens + b.tokens - 2)
    effect = (difference / ((a.scatter + b.scatter) / freedom).sqrt()).where(difference != 0, 0)
    seen = ((a.active + b.active) > 0).nonzero()[:, 0]
    order = seen[difference[seen].abs().argsort(descending=True, stable=True)]
    return Contrast(
        tokens_a=a.tokens,
        tokens_b=b.tokens,
        features=[
            ContrastedFeature(
                id=feature,
                mean_a=a.mean[feature].item(),
                mean_b=b.mean[feature].item(),
                density_a=a.density[feature].item(),
                density_b=b.density[feature].item(),
                effect=effect[feature].item(),
            )
            for feature in order[:most].tolist()
        ],
    )
