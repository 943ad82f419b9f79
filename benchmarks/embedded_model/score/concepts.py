"""What features tell: a score for each concept, chosen on one half and measured on the other."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.embedded_model.labels import COLUMN, Labels
from benchmarks.embedded_model.score.active import Active
from benchmarks.embedded_model.score.probe import probe_auroc
from benchmarks.embedded_model.score.report import ConceptScore
from benchmarks.embedded_model.score.separation import auroc, best_f1, f1_at


@dataclass(frozen=True)
class Evidence:
    """All that is known of tagged tokens: one row a token, BOS left out."""

    labels: Labels
    """[tokens, concepts]"""
    choosing: NDArray[np.bool_]
    """[tokens]: whether the token's document is of the half on which features are chosen."""
    x: Tensor
    """[tokens, d_model]: what is at the site."""
    active: Active


def concept_scores(evidence: Evidence) -> tuple[list[ConceptScore], list[str]]:
    """A score for each concept that both halves hold, and the concepts that they don't."""
    choosing = evidence.choosing
    ours, theirs = evidence.labels[choosing], evidence.labels[~choosing]
    here, there = evidence.active.among(choosing), evidence.active.among(~choosing)
    f1, threshold = best_f1(here, ours)
    by_f1 = f1.argmax(axis=0)
    by_auroc = auroc(here, ours).argmax(axis=0)
    held_auroc = auroc(there, theirs)
    probes = probe_auroc(evidence.x[choosing], ours, evidence.x[~choosing], theirs)
    scores, unseen = [], []
    for concept, column in COLUMN.items():
        if not (ours[:, column].any() and theirs[:, column].any()):
            unseen.append(concept)
            continue
        feature = int(by_f1[column])
        limit = float(threshold[feature, column])
        scores.append(
            ConceptScore(
                concept=concept,
                tokens=int(evidence.labels[:, column].sum()),
                f1_feature=feature,
                threshold=limit,
                f1=f1_at(there, theirs[:, column], feature, limit),
                auroc_feature=int(by_auroc[column]),
                auroc=float(held_auroc[by_auroc[column], column]),
                probe_auroc=probes[column],
            )
        )
    return scores, unseen
