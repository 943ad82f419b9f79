"""What an SAE and its model make of texts, a number for each feature and text."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from engine.activations.store.row_summary import SinkRule
from engine.features.probing.pools import PoolName
from engine.features.search.document_features import read_documents
from engine.features.search.pooled_features import Pool, PooledFeatures
from engine.model.load import LanguageModel
from engine.model.site import Site
from engine.progress import SILENT, Progress
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.formats.input_rule import WHOLE, InputRule

_OF_TOKENS: dict[PoolName, Pool] = {"mean": "sum", "max": "max", "last": "last"}


class PooledActivations(NamedTuple):
    """What was pooled over the tokens of some texts."""

    features: csr_array
    """[texts, d_sae] float64"""
    raw: NDArray[np.float64]
    """[texts, d_in]: the activations that the SAE reads; of `max`, too, their mean."""
    tokens: NDArray[np.int64]
    """[texts]: what was pooled over; of a text without any, the rest is 0."""


def pool_texts(
    lm: LanguageModel,
    sae: SparseAutoencoder,
    site: Site,
    texts: Sequence[str],
    *,
    pool: PoolName,
    context: int | None = None,
    sink_rule: SinkRule | None = None,
    given: InputRule = WHOLE,
    progress: Progress = SILENT,
) -> PooledActivations:
    """Read every text, and pool over its tokens, but for BOS, sinks and what the SAE isn't `given`.

    What is read and raised is as in `engine.features.search.document_features`.
    Memory: beside that, what `PooledFeatures` takes, and 8 bytes · d_in a text.
    """
    d_sae = sae.config.d_sae
    pooled = PooledFeatures(d_sae, _OF_TOKENS[pool])
    raw = np.zeros((len(texts), sae.config.d_in))
    ends = np.full(len(texts), -1)

    def tick() -> None:
        progress("read the texts", int((pooled.tokens > 0).sum()), len(texts), "texts")

    for rows in read_documents(
        lm,
        sae,
        site,
        lambda: texts,
        context=context,
        sink_rule=sink_rule,
        given=given,
        tick=tick,
    ):
        pooled.add(rows)
        documents, x = rows.documents.numpy(), rows.x.double().cpu().numpy()
        if pool != "last":
            np.add.at(raw, documents, x)
            continue
        by_place = np.argsort(rows.order.numpy(), kind="stable")  # the last one written stays
        np.maximum.at(ends, documents, rows.order.numpy())
        is_last = rows.order.numpy() == ends[documents]
        chosen = by_place[is_last[by_place]]
        raw[documents[chosen]] = x[chosen]
    tokens = np.zeros(len(texts), np.int64)
    tokens[: len(pooled.tokens)] = pooled.tokens
    features = pooled.matrix()
    features.resize(len(texts), d_sae)
    if pool == "mean":
        features = csr_array(features.multiply(1 / np.maximum(tokens, 1)[:, None]))
    if pool != "last":
        raw /= np.maximum(tokens, 1)[:, None]
    return PooledActivations(features, raw, tokens)
