"""How well each feature tells each concept: AUROC, and F1 at its best threshold."""

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.embedded_model.labels import Labels
from benchmarks.embedded_model.score.active import Active

Table = NDArray[np.float64]
"""[features, concepts]"""


def auroc(active: Active, labels: Labels) -> Table:
    """The chance that a feature is larger on a token with the concept than on one without.

    Exact, ties counting one half: the Mann-Whitney statistic from average ranks. A feature's silent
    tokens all tie and share one rank, so that only active pairs are summed. NaN where no token or
    every token carries the concept.
    """
    positive = labels.sum(axis=0).astype(np.float64)
    negative = len(labels) - positive
    silent = (active.n_tokens - active.counts).astype(np.float64)
    ranks = _average_ranks(active)
    silent_rank = (silent + 1) / 2
    above_silent = ranks - silent_rank[active.features]
    pairs = torch.from_numpy(np.stack([active.features, active.tokens]))
    size = active.n_features, active.n_tokens
    with_rank = torch.sparse_coo_tensor(
        pairs, torch.from_numpy(above_silent), size, check_invariants=False
    )
    summed = torch.sparse.mm(with_rank, torch.from_numpy(labels.astype(np.float64))).numpy()
    rank_sums = summed + silent_rank[:, None] * positive
    with np.errstate(invalid="ignore", divide="ignore"):
        table: Table = (rank_sums - positive * (positive + 1) / 2) / (positive * negative)
    return table


def _average_ranks(active: Active) -> NDArray[np.float64]:
    """[pairs]: the rank of each among its feature's values on all tokens, 1 for the smallest."""
    first = np.flatnonzero(_differs_from_before(active))
    length = np.diff(first, append=len(active.values))
    start_of_feature = active.ends - active.counts
    within = first - start_of_feature[active.features[first]]
    silent = active.n_tokens - active.counts[active.features[first]]
    return np.repeat(silent + within + (length + 1) / 2, length)


def best_f1(active: Active, labels: Labels) -> tuple[Table, Table]:
    """Each feature's best F1 for each concept, and the threshold that gives it.

    A token is taken to carry the concept where the feature is at or above the threshold, which is
    one of its active values. Where a feature is never active F1 is 0 and the threshold infinite.
    """
    f1 = np.zeros((active.n_features, labels.shape[1]))
    threshold = np.full(f1.shape, np.inf)
    alive = np.flatnonzero(active.counts)
    starts = (active.ends - active.counts)[alive]
    length = active.counts[alive]
    taken = np.repeat(active.ends[alive], length) - np.arange(len(active.values))
    possible = _differs_from_before(active)
    for column, carries in enumerate(labels.T):
        hit = carries[active.tokens]
        hits_before = hit.cumsum() - hit
        hits_in_all = np.append(hits_before, hit.sum())[active.ends[alive]]
        hits = np.repeat(hits_in_all, length) - hits_before
        scores = np.where(possible, 2 * hits / (taken + carries.sum()), -1.0)
        f1[alive, column] = np.maximum.reduceat(scores, starts)
        best = scores == np.repeat(f1[alive, column], length)
        last = np.flatnonzero(best)
        threshold[active.features[last], column] = active.values[last]
    return f1, threshold


def f1_at(active: Active, carries: NDArray[np.bool_], feature: int, threshold: float) -> float:
    """F1 of one feature at one threshold for a concept that the tokens `carries` [tokens]."""
    mine = slice(*np.searchsorted(active.features, [feature, feature + 1]))
    taken = active.tokens[mine][active.values[mine] >= threshold]
    total = len(taken) + int(carries.sum())
    return 2 * int(carries[taken].sum()) / total if total else 0.0


def _differs_from_before(active: Active) -> NDArray[np.bool_]:
    """[pairs]: whether a pair is the first of those that tie with it."""
    same = np.zeros(len(active.values), dtype=bool)
    same[1:] = (np.diff(active.features) == 0) & (np.diff(active.values) == 0)
    return ~same
