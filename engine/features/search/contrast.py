"""What differs between two texts, or sets of texts, feature by feature."""

from collections.abc import Callable

import numpy as np
import torch
from scipy.sparse import vstack
from torch import Tensor

from engine.activations.batches.reading import Documents
from engine.activations.store.row_summary import SinkRule
from engine.errors import UserError
from engine.features.search.document_features import DocumentRows, read_documents
from engine.features.search.findings import Contrast, ContrastedFeature
from engine.features.search.permutation_test import PermutationTest, permutation_test
from engine.features.search.pooled_features import PooledFeatures
from engine.model.load import LanguageModel
from engine.model.site import Site
from engine.progress import SILENT, Progress
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.formats.input_rule import WHOLE, InputRule

SIGNIFICANT = 0.05
"""The false discovery rate up to which a feature is counted."""


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
    given: InputRule = WHOLE,
    most: int = 100,
    permutations: int = 0,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Contrast:
    """The `most` features that are furthest apart in two texts, or corpora: by mean activations.

    Both are read as a corpus is: in windows of `context` tokens, BOS and sinks left out. The
    `sink_rule` says which norms are those of sinks; it is measured on each text where none is
    given. A feature counts as 0 where it is not active. The effect is Cohen's d, the difference of
    the means in units of the pooled standard deviation over tokens (Cohen 1988, Statistical Power
    Analysis, 2.2):

        s² = ((n_a − 1) s_a² + (n_b − 1) s_b²) / (n_a + n_b − 2)

    With `permutations`, and several documents on each side, each feature's difference is compared
    with those of the same documents dealt out at random, up to so many times: see
    `permutation_test`, and the order is that of `Contrast`.

    Memory: beside the model a pass of 8,192 tokens, some blocks of 64 MiB, 48 bytes a feature,
    what `PooledFeatures` takes; with permutations some blocks of 128 MiB.
    Raises UserError for a text without tokens, a site that isn't there, and another width.
    """

    def read(name: str, texts: Documents) -> _Sums:
        sums = _Sums(sae)

        def tick() -> None:
            progress(f"read the {name} text", sums.tokens, None, "tokens")

        for rows in read_documents(
            lm, sae, site, texts, context=context, sink_rule=sink_rule, given=given, tick=tick
        ):
            sums.add(rows)
        if sums.tokens == 0:
            raise UserError(
                f"The {name} text holds no token beside BOS and attention sinks.",
                "Write more in it.",
            )
        return sums

    one, other = read("first", a), read("second", b)
    seen = ((one.active + other.active) > 0).nonzero()[:, 0]
    test = None
    if permutations > 0 and min(one.documents, other.documents) > 1:

        def tick(done: int) -> None:
            progress("deal the documents out at random", done, permutations, "times")

        test = _test(one, other, seen, most=permutations, seed=seed, tick=tick)
    return _compare(one, other, seen, test, most)


class _Sums:
    """Sums over tokens of what every feature does: 24 bytes a feature; and over those of each
    document."""

    def __init__(self, sae: SparseAutoencoder) -> None:
        self.tokens = 0
        zeros = torch.zeros(sae.config.d_sae, dtype=torch.float64, device=sae.W_dec.device)
        self.total, self.squares, self.active = zeros, zeros.clone(), zeros.clone()
        self.of_documents = PooledFeatures(sae.config.d_sae, "sum")

    def add(self, rows: DocumentRows) -> None:
        """Take in some tokens."""
        self.tokens += len(rows.x)
        self.total.index_add_(0, rows.features, rows.acts)
        self.squares.index_add_(0, rows.features, rows.acts.square())
        self.active += rows.features.bincount(minlength=len(self.active))
        self.of_documents.add(rows)

    @property
    def documents(self) -> int:
        """Those that have a token."""
        return int((self.of_documents.tokens > 0).sum())

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


def _test(
    a: _Sums, b: _Sums, seen: Tensor, *, most: int, seed: int, tick: Callable[[int], None]
) -> PermutationTest:
    """Chance, asked of the features that are `seen` [features]."""
    sizes = np.concatenate([each.of_documents.tokens for each in (a, b)])
    is_a = np.arange(len(sizes)) < len(a.of_documents.tokens)
    sums = vstack([each.of_documents.matrix() for each in (a, b)]).tocsc()[:, seen.cpu().numpy()]
    return permutation_test(
        sums[sizes > 0].T.tocsr(),
        sizes[sizes > 0].astype(np.float64),
        is_a[sizes > 0],
        most=most,
        seed=seed,
        tick=tick,
    )


def _compare(a: _Sums, b: _Sums, seen: Tensor, test: PermutationTest | None, most: int) -> Contrast:
    difference = a.mean - b.mean
    freedom = max(1, a.tokens + b.tokens - 2)
    effect = (difference / ((a.scatter + b.scatter) / freedom).sqrt()).where(difference != 0, 0)
    order = difference[seen].abs().argsort(descending=True, stable=True).tolist()
    if test is not None:
        q, size = test.q, effect[seen].abs().tolist()
        order.sort(key=lambda place: (q[place], -size[place]))
    return Contrast(
        tokens_a=a.tokens,
        tokens_b=b.tokens,
        documents_a=a.documents,
        documents_b=b.documents,
        tested=0 if test is None else len(seen),
        significant=0 if test is None else int((test.q <= SIGNIFICANT).sum()),
        features=[
            ContrastedFeature(
                id=feature,
                mean_a=a.mean[feature].item(),
                mean_b=b.mean[feature].item(),
                density_a=a.density[feature].item(),
                density_b=b.density[feature].item(),
                effect=effect[feature].item(),
                p=None if test is None else float(test.p[place]),
                q=None if test is None else float(test.q[place]),
            )
            for place, feature in zip(order[:most], seen[order[:most]].tolist(), strict=True)
        ],
    )
