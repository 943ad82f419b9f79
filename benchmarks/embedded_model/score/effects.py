"""What features do: each category's feature clamped on neutral prompts, beside random features."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.embedded_model.labels import COLUMN
from benchmarks.embedded_model.score.clamping import Trial, kinds_of_continuations, neutral_prompts
from benchmarks.embedded_model.score.concepts import Evidence
from benchmarks.embedded_model.score.report import CategoryEffect
from benchmarks.embedded_model.score.separation import auroc
from benchmarks.embedded_model.score.subject import Subject
from engine.demo.corpus.concepts import CATEGORIES
from engine.interventions.delta import ResolvedEdit
from engine.interventions.nulls import matched_features
from engine.progress import Progress

STRENGTHS = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
"""What a feature is clamped to, in units of its largest activation; the best is chosen."""
CANDIDATES = 3
"""Features that are tried for a category: those with the highest AUROC."""
RANDOM_FEATURES = 20

Kinds = Sequence[str | None]
Write = Callable[[Sequence[Trial]], Kinds]


class Clamp(NamedTuple):
    """A feature and what it is clamped to, in units of its largest activation."""

    feature: int
    times_max: float


def category_effects(
    subject: Subject, evidence: Evidence, *, prompts: int, seed: int, progress: Progress
) -> list[CategoryEffect]:
    """What each category's feature does to `prompts` neutral prompts.

    A third as many other prompts serve to choose the feature among the category's candidates, and
    its strength; where two do equally well, the higher AUROC and then the lower strength wins. The
    random features get the chosen strength in units of their own maxima, each prompt one of them.
    """
    others = max(1, prompts // 3)
    neutral = neutral_prompts(others + prompts)
    tuning, scored = neutral[:others], neutral[others:]
    maxima = evidence.active.maxima()

    def trials(texts: Sequence[str], clamps: Sequence[Clamp]) -> list[Trial]:
        return [
            Trial(text, ResolvedEdit(f, "clamp", times * float(maxima[f])))
            for text, (f, times) in zip(texts, clamps, strict=True)
        ]

    def write(wanted: Sequence[Trial]) -> Kinds:
        return kinds_of_continuations(subject.lm, subject.sae, subject.site, wanted, progress)

    options = [
        (category, Clamp(feature, times))
        for category, features in _candidates(evidence).items()
        for feature in features
        for times in STRENGTHS
    ]
    tried = _parts(write, [trials(tuning, [clamp] * others) for _, clamp in options])
    shares = [share(kinds, c) for (c, _), kinds in zip(options, tried, strict=True)]
    chosen = {
        category: max(
            (i for i, (of, _) in enumerate(options) if of == category), key=lambda i: shares[i]
        )
        for category in CATEGORIES
    }
    stand_ins = {c: _stand_ins(evidence, options[i][1], prompts, seed) for c, i in chosen.items()}
    unedited, *written = _parts(
        write,
        [
            [Trial(text, None) for text in scored],
            *(trials(scored, [options[i][1]] * prompts) for i in chosen.values()),
            *(trials(scored[: len(clamps)], clamps) for clamps in stand_ins.values()),
        ],
    )
    by_feature, by_chance = written[: len(chosen)], written[len(chosen) :]
    return [
        CategoryEffect(
            category=category,
            feature=options[i][1].feature,
            times_max=options[i][1].times_max,
            tuning_share=shares[i],
            turned=share(mine, category),
            random_turned=share(random, category) if random else None,
            random_features=len({clamp.feature for clamp in stand_ins[category]}),
            unedited=share(unedited, category),
        )
        for (category, i), mine, random in zip(chosen.items(), by_feature, by_chance, strict=True)
    ]


def share(kinds: Kinds, category: str) -> float:
    """The share of texts that are of this category."""
    return sum(kind == category for kind in kinds) / len(kinds)


def _candidates(evidence: Evidence) -> dict[str, list[int]]:
    """The features of each category that are worth trying, best first."""
    chosen = evidence.choosing
    table = auroc(evidence.active.among(chosen), evidence.labels[chosen])
    return {c: np.argsort(-table[:, COLUMN[c]])[:CANDIDATES].tolist() for c in CATEGORIES}


def _stand_ins(evidence: Evidence, clamp: Clamp, prompts: int, seed: int) -> list[Clamp]:
    """A random feature like the clamped one for each prompt, in turn; none if none is alike."""
    active = evidence.active
    columns: dict[str, NDArray[Any]] = {
        "density": active.counts / active.n_tokens,
        "max": active.maxima(),
    }
    alike = matched_features(columns, [clamp.feature], RANDOM_FEATURES, seed)
    if not alike:
        return []
    return [Clamp(alike[i % len(alike)][0], clamp.times_max) for i in range(prompts)]


def _parts(write: Write, parts: Sequence[Sequence[Trial]]) -> list[Kinds]:
    """The kinds of several lists of trials, written together so that batches are large."""
    kinds = write([trial for part in parts for trial in part])
    ends = np.cumsum([len(part) for part in parts]).tolist()
    return [kinds[end - len(part) : end] for part, end in zip(parts, ends, strict=True)]
