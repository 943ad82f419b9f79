"""What the fake engine knows about features: small, believable, and the same every time."""

import re
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from engine.errors import UserError
from engine.features.filter.filter import FilterContext, filter_mask
from engine.features.text.patterns import TimedPattern
from engine.service import protocol as p

TEXTS = (
    "The train from Paris to Lyon was late and everybody waited on the cold platform",
    "She flew home to Vienna, where her sister had already made the beds for the night",
    "In the end the mayor of Lisbon announced that the old bridge would be closed",
    "Between Rome and the coast, the road follows the river for most of the way",
)
CATEGORIES = ["story", "news"]
PROMOTED = [" Paris", " London", " city", " capital", "\n"]
SUPPRESSED = [" the", " of", " an"]
DOCUMENTS = 120
TOKENS = 18_432


def feature_columns(features: int, share: float = 1.0) -> dict[str, NDArray[np.generic]]:
    """Figures of every feature, after this share of the tokens was scanned."""
    numbers = np.random.default_rng(0)
    density = np.exp(numbers.normal(-6, 1.5, features)).clip(0, 1).astype("<f4")
    maximum = numbers.gamma(3.0, 1.2, features) * (density > 1e-4) * share
    return {
        "max": maximum.astype("<f4"),
        "mean": (maximum * 0.3).astype("<f4"),
        "std": (maximum * 0.2).astype("<f4"),
        "density": density,
        "count": (density * TOKENS * share).astype("<i8"),
        "documents": (density * 4000).astype("<i4"),
    }


class FeatureTexts:
    """The texts of the features, as the engine's filter looks through them."""

    def __init__(self, features: int) -> None:
        self._features = features

    def snippet(self, pattern: TimedPattern) -> NDArray[np.bool_]:
        """Every feature has all texts among its examples."""
        return self._all(TEXTS, pattern)

    def peak(self, pattern: TimedPattern) -> NDArray[np.bool_]:
        """The words at which a feature's examples are strongest."""
        peaks = [{s.tokens[s.peak] for s in top(id, 1.0)} for id in range(self._features)]
        return np.array([any(map(pattern.is_in, tokens)) for tokens in peaks])

    def promoted(self, pattern: TimedPattern) -> NDArray[np.bool_]:
        """All features promote the same tokens."""
        return self._all(PROMOTED, pattern)

    def suppressed(self, pattern: TimedPattern) -> NDArray[np.bool_]:
        """All features suppress the same tokens."""
        return self._all(SUPPRESSED, pattern)

    def _all(self, texts: Iterable[str], pattern: TimedPattern) -> NDArray[np.bool_]:
        return np.full(self._features, any(map(pattern.is_in, texts)))


def matching(
    text: str, columns: Mapping[str, NDArray[np.generic]], notes: Mapping[int, p.Note]
) -> NDArray[np.bool_]:
    """Which features the engine's own filter lets through."""
    texts = FeatureTexts(len(columns["max"]))
    return filter_mask(text, FilterContext(columns, notes, CATEGORIES, texts))


def snippet(
    text: str, peak: int, value: float, document: int, *, radius: int | None = None
) -> p.Snippet:
    """The text, most active at one of its words."""
    words = text.split(" ")
    tokens = [words[0], *(f" {word}" for word in words[1:])]
    activations = [
        max(0.0, round(value * (1 - abs(i - peak) / 2.5), 3)) for i in range(len(tokens))
    ]
    activations[peak] = value
    first = 0 if radius is None else max(0, peak - radius)
    last = len(tokens) if radius is None else peak + radius + 1
    return p.Snippet(
        text="".join(tokens[first:last]),
        tokens=tokens[first:last],
        activations=activations[first:last],
        peak=peak - first,
        document=document,
        position=peak,
    )


def top(feature: int, maximum: float, radius: int | None = None) -> list[p.Snippet]:
    """The strongest examples of a feature."""
    return [
        snippet(
            TEXTS[i % len(TEXTS)],
            3 + (feature + i) % 5,
            maximum * 0.93**i,
            77 * i,
            radius=radius,
        )
        for i in range(12)
    ]


def examples(request: p.GetSnippets, maximum: float) -> p.SnippetList:
    """The examples of a group."""
    match request.kind:
        case "top":
            return p.SnippetList(snippets=top(request.feature, maximum, request.radius))
        case "silent":
            places = [snippet(text, 4, 0.0, 5, radius=request.radius) for text in TEXTS[:2]]
            return p.SnippetList(snippets=places)
        case "band":
            low, high = request.band / 10 * maximum, (request.band + 1) / 10 * maximum
            value = (low + high) / 2
            places = [snippet(t, 6, value, i, radius=request.radius) for i, t in enumerate(TEXTS)]
            return p.SnippetList(snippets=places, low=low, high=high)


def detail(
    feature: int, columns: Mapping[str, NDArray[np.generic]], note: p.Note
) -> p.FeatureDetail:
    """All that is known of a feature."""
    at = {name: column[feature].item() for name, column in columns.items()}
    counts = [0, 0, 40, 90, 160, 120, 60, 25, 9, 2, 0, 0]
    return p.FeatureDetail(
        id=feature,
        **at,
        selectivity=0.62,
        category="story",
        activity=[
            p.CategoryActivity(category="story", mean=0.031, density=0.0205),
            p.CategoryActivity(category="news", mean=0.004, density=0.0031),
        ],
        label=note.label,
        tags=note.tags,
        starred=note.starred,
        note=note.text,
        histogram=p.Histogram(edges=[2 ** (i / 2 - 3) for i in range(13)], counts=counts),
        snippets=top(feature, at["max"]),
        promoted=PROMOTED,
        suppressed=SUPPRESSED,
    )


def relatives(
    feature: int, most: int, labels: Mapping[int, str], *, shares: bool = False
) -> p.Relatives:
    """The features with the next numbers."""
    return p.Relatives(
        relatives=[
            p.Relative(
                id=feature + i,
                label=labels.get(feature + i, ""),
                likeness=0.9**i,
                given_this=0.8**i if shares else None,
                given_other=0.7**i if shares else None,
            )
            for i in range(1, most + 1)
        ],
        tokens=300 if shares else 0,
    )


def document(request: p.GetDocument, maximum: float) -> p.Snippet:
    """Four texts, one after the other, with one place where the feature is active."""
    words = " ".join(TEXTS * 3).split(" ")
    peak = len(words) // 2
    return snippet(" ".join(words), peak, maximum, request.document)


def firing(request: p.FindFiring, labels: Mapping[int, str]) -> p.Firing:
    """Three features, the last one not ablated."""
    words = request.prompt.split(" ")
    tokens = [words[0], *(f" {word}" for word in words[1:])]

    def feature(id: int, peak: int, attribution: float, effect: float | None) -> p.FiringFeature:
        activations = [0.0] * len(tokens)
        activations[peak % len(tokens)] = 4.0 - attribution
        return p.FiringFeature(
            id=id,
            label=labels.get(id, ""),
            activations=activations,
            peak=peak % len(tokens),
            attribution=attribution,
            effect=effect,
            kl=None if effect is None else abs(effect) / 3,
        )

    return p.Firing(
        tokens=tokens,
        target=request.target or " there",
        logp=-1.23,
        features=[
            feature(11, 1, 0.9, -0.81),
            feature(300, 0, -0.2, 0.35),
            feature(40, 2, 0.05, None),
        ],
        active=37,
    )


def contrast(request: p.FindContrast, labels: Mapping[int, str]) -> p.Contrast:
    """Two features that differ."""
    if not request.b.text and request.b.file is None:
        raise UserError("The second text is empty.")
    return p.Contrast(
        tokens_a=len(request.a.text.split()),
        tokens_b=len(request.b.text.split()),
        documents_b=1 if request.b.file is None else 5,
        tested=0 if request.b.file is None else 2,
        significant=0 if request.b.file is None else 1,
        features=[
            p.ContrastedFeature(
                id=id,
                label=labels.get(id, ""),
                mean_a=mean_a,
                mean_b=mean_b,
                density_a=0.2,
                density_b=0.1,
                effect=(mean_a - mean_b) / 0.5,
                p=None if request.b.file is None else p_value,
                q=None if request.b.file is None else 2 * p_value,
            )
            for id, mean_a, mean_b, p_value in ((11, 0.9, 0.1, 0.004), (300, 0.0, 0.4, 0.3))
        ],
    )


def probe_result(spec: p.Probe) -> p.ProbeResult:
    """Two features that tell two labels."""

    def way(value: float) -> p.ProbeResults:
        spread = p.Spread(mean=value, sd=0.02)
        scores = p.ProbeScores(accuracy=spread, balanced_accuracy=spread, auc=spread, f1=spread)
        return p.ProbeResults(held_out=scores, null=None)

    def feature(id: int, tells: str, value: float) -> p.ProbedFeature:
        return p.ProbedFeature(id=id, tells=tells, chosen=5, held_out=way(value).held_out)

    return p.ProbeResult(
        sae=spec.sae,
        texts=spec.texts,
        model="demo",
        model_dtype="float32",
        site="resid_post.2",
        pool=spec.pool,
        splits=5,
        nulls=0,
        tokens=900,
        left_out=0,
        seconds=2.0,
        labels=[p.LabelCount(label="city", texts=40), p.LabelCount(label="river", texts=50)],
        fitted=72,
        tested=18,
        features=[feature(11, "city", 0.91), feature(300, "river", 0.62)],
        best_feature=way(0.91),
        curve=[
            p.KSparseProbe(k=k, features=[11, 300][:k], held_out=way(0.9).held_out) for k in (1, 2)
        ],
        raw=way(0.97),
        mean_difference=way(0.95),
        majority=way(0.5),
    )


def grep(request: p.Grep, labels: Mapping[int, str]) -> p.GrepReport:
    """Where the pattern matches the texts, and the features 11 and 300, which know it."""
    try:
        expression = re.compile(request.pattern)
    except re.error as error:
        raise UserError(f"The pattern can't be read: {error.msg}.") from None
    matches = sum(len(expression.findall(text)) for text in TEXTS)

    def score(id: int, f1: float) -> p.GrepScore:
        return p.GrepScore(
            id=id, label=labels.get(id, ""), precision=f1, recall=f1, f1=f1, active=50
        )

    common = {
        "pattern": request.pattern,
        "matches": matches,
        "matched_tokens": matches,
        "tokens": TOKENS,
        "documents": DOCUMENTS,
        "total_documents": DOCUMENTS,
    }
    if request.feature is None:
        return p.GrepReport(features=[score(11, 0.9), score(300, 0.45)], **common)
    return p.GrepReport(
        features=[score(request.feature, 0.12)],
        hits=[snippet(TEXTS[0], 3, 4.2, 0)],
        misses=[snippet(TEXTS[1], 4, 0.0, 1)],
        false_alarms=[snippet(TEXTS[2], 6, 2.1, 2)],
        **common,
    )
