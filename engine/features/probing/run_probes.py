"""All ways to tell the labels of some texts, each fitted and held out several times.

The protocol is that of SAEBench (Karvonen et al. 2025, arXiv:2503.09532) after Gurnee et al. 2023
(arXiv:2305.01610): features pooled over a text's tokens, the k with the largest difference of means
on the texts to fit on, a logistic regression on these. Beside it stands what such probes are often
not better than (Kantamneni et al. 2025, arXiv:2502.16681): the same on the activations themselves,
the difference of their means, and chance.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from engine.features.probing.findings import (
    KSparseProbe,
    LabelCount,
    ProbedFeature,
    ProbeFindings,
    ProbeResults,
    ProbeScores,
    Spread,
)
from engine.features.probing.probes import (
    Scores,
    logistic,
    majority,
    nearest_mean,
    score,
    threshold,
)
from engine.features.probing.selection import Labels, RankedFeatures, largest, mean_differences
from engine.progress import SILENT, Progress

KS = (1, 2, 5, 10, 20, 50)
LEAST_TEXTS = 5
"""Of each label: some to fit on, in three folds, and one at least to hold out."""


@dataclass(frozen=True)
class PooledTexts:
    """What is known of some texts with labels."""

    features: csr_array
    """[texts, d_sae]: the features, pooled."""
    raw: NDArray[np.floating]
    """[texts, d_in]: the activations that the SAE reads, pooled."""
    labels: Labels
    names: Sequence[str]
    """The labels by their numbers; each has `LEAST_TEXTS` at least."""


@dataclass
class _Round:
    """What one split gives; of shuffled labels without `singles`."""

    scores: dict[str, Scores]
    chosen: dict[int, list[int]]
    """By k, the features."""
    singles: dict[tuple[int, int], tuple[float, Scores]]
    """By feature and label: the AUC on the texts to fit on, and the scores on the others."""


def run_probes(
    texts: PooledTexts,
    *,
    splits: int = 5,
    held_out: float = 0.2,
    nulls: int = 5,
    most: int = 20,
    seed: int = 0,
    progress: Progress = SILENT,
) -> ProbeFindings:
    """Fit and score all probes on `splits` random splits of the texts, stratified by label.

    `held_out`: the share of the texts that is scored. Each null has the labels shuffled among all
    texts, and a split of its own. `most` features are reported by themselves.
    """
    ranked = RankedFeatures(texts.features)
    active = int((texts.features.sum(axis=0) > 0).sum())
    ks = [k for k in KS if k <= active]
    classes = len(texts.names)
    total, done = (splits + nulls) * (len(ks) + 1), 0

    def tick() -> None:
        nonlocal done
        progress("fit probes", done, total, "fits")
        done += 1

    def run(labels: Labels, train: Labels, test: Labels, folds: int, singles: int) -> _Round:
        y, truth = labels[train], labels[test]
        fit, rest = texts.features[train], texts.features[test]
        auc = ranked.auc(train, y, classes)
        scores = {
            "majority": score(majority(y, len(test)), truth),
            "mean_difference": score(nearest_mean(texts.raw[train], y, texts.raw[test]), truth),
        }
        tick()
        scores["raw"] = score(logistic(texts.raw[train], y, texts.raw[test], folds), truth)
        alone: dict[tuple[int, int], tuple[float, Scores]] = {}
        for feature in largest(auc.max(axis=1), max(1, singles)).tolist():
            if alone and auc[feature].max() <= 0.5:
                break  # what is left tells nothing, as a feature that is never active
            label = int(auc[feature].argmax())
            column, others = (part[:, [feature]].toarray()[:, 0] for part in (fit, rest))
            prediction = threshold(column, y == label, others)
            is_label = (truth == label).astype(np.int64)
            found = score(prediction, is_label, of_label=1)
            alone[feature, label] = (float(auc[feature, label]), found)
            scores.setdefault("best_feature", found)
        order = largest(np.abs(mean_differences(fit, y, classes)).max(axis=1), max(ks, default=0))
        chosen = {}
        for k in ks:
            tick()
            columns = order[:k]
            x, unseen = (part[:, columns].toarray() for part in (fit, rest))
            scores[str(k)] = score(logistic(x, y, unseen, folds), truth)
            chosen[k] = columns.tolist()
        return _Round(scores, chosen, alone if singles else {})

    rounds: list[_Round] = []
    shuffled: list[_Round] = []
    for number in range(splits + nulls):
        random = np.random.default_rng([seed, number])
        is_null = number >= splits
        labels = random.permutation(texts.labels) if is_null else texts.labels
        train, test = split_texts(labels, held_out, random)
        folds = int(random.integers(1 << 31))
        (shuffled if is_null else rounds).append(
            run(labels, train, test, folds, 0 if is_null else most)
        )
    progress("fit probes", total, total, "fits")

    def results(name: str) -> ProbeResults:
        seen, null = ([each.scores[name] for each in of] for of in (rounds, shuffled))
        return ProbeResults(held_out=_spread(seen), null=_spread(null) if null else None)

    curve = []
    for k in ks:
        common = Counter(id for each in rounds for id in each.chosen[k]).most_common(k)
        found = results(str(k))
        ids = [id for id, _ in common]
        curve.append(KSparseProbe(k=k, features=ids, held_out=found.held_out, null=found.null))
    return ProbeFindings(
        labels=[
            LabelCount(label=name, texts=int((texts.labels == number).sum()))
            for number, name in enumerate(texts.names)
        ],
        fitted=len(train),
        tested=len(test),
        features=_singles(rounds, texts.names, most),
        best_feature=results("best_feature"),
        curve=curve,
        raw=results("raw"),
        mean_difference=results("mean_difference"),
        majority=results("majority"),
    )


def split_texts(
    labels: Labels, held_out: float, random: np.random.Generator
) -> tuple[Labels, Labels]:
    """The texts to fit on and those held out, both ascending: of each label the share `held_out` at
    random, but one at least, and all but four at most (which scikit-learn doesn't promise of rare
    labels)."""
    out = np.zeros(len(labels), bool)
    for label in range(int(labels.max()) + 1):
        texts = np.flatnonzero(labels == label)
        some = min(max(1, round(held_out * len(texts))), len(texts) - LEAST_TEXTS + 1)
        out[random.choice(texts, some, replace=False)] = True
    return np.flatnonzero(~out), np.flatnonzero(out)


def _singles(rounds: Sequence[_Round], names: Sequence[str], most: int) -> list[ProbedFeature]:
    found: dict[tuple[int, int], list[tuple[float, Scores]]] = defaultdict(list)
    for each in rounds:
        for key, seen in each.singles.items():
            found[key].append(seen)

    def order(key: tuple[int, int]) -> tuple[float, ...]:
        seen = found[key]
        return -len(seen), -float(np.mean([auc for auc, _ in seen])), *key

    return [
        ProbedFeature(
            id=feature,
            tells=names[label],
            chosen=len(found[feature, label]),
            held_out=_spread([scores for _, scores in found[feature, label]]),
        )
        for feature, label in sorted(found, key=order)[:most]
    ]


def _spread(scores: Sequence[Scores]) -> ProbeScores:
    """The mean and the deviation of each figure."""
    table = np.array([astuple(each) for each in scores])
    deviations = table.std(axis=0, ddof=1).tolist() if len(scores) > 1 else [None] * table.shape[1]
    means = table.mean(axis=0).tolist()
    names = [field.name for field in fields(Scores)]
    spreads = (Spread(mean=mean, sd=sd) for mean, sd in zip(means, deviations, strict=True))
    return ProbeScores(**dict(zip(names, spreads, strict=True)))
