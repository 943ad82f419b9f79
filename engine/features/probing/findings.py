"""What probes find (no torch here).

Every figure is of texts that the probe was not fitted on, over several splits of the texts.
"""

import msgspec

from engine.figures import Figure


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """A figure over several splits, or several shuffles of the labels."""

    mean: Figure
    sd: Figure = None
    """Standard deviation; None of a single one."""


class ProbeScores(msgspec.Struct, frozen=True, kw_only=True):
    """How well labels were told."""

    accuracy: Spread
    balanced_accuracy: Spread
    """The mean over labels of the share of their texts that were told: 1 / labels by chance."""
    auc: Spread
    """Area under the receiver operating characteristic: 0.5 by chance. Of more than two labels, the
    mean of each against the others."""
    f1: Spread
    """The mean of the labels' F1; of a single feature that of the label which it tells."""


class ProbeResults(msgspec.Struct, frozen=True, kw_only=True):
    """One way to tell the labels."""

    held_out: ProbeScores
    null: ProbeScores | None = None
    """The same with the labels shuffled among the texts, features chosen anew; None: not asked."""


class KSparseProbe(ProbeResults, frozen=True, kw_only=True):
    """A logistic regression on k features."""

    k: int
    features: list[int]
    """Those that were chosen in most splits."""


class ProbedFeature(msgspec.Struct, frozen=True, kw_only=True):
    """A feature that by itself tells one label from the others: it is larger in its texts."""

    id: int
    tells: str
    """The label."""
    chosen: int
    """In how many splits it was among the best of the texts to fit on."""
    held_out: ProbeScores
    """Over these splits."""


class LabelCount(msgspec.Struct, frozen=True, kw_only=True):
    """A label, and how many texts have it."""

    label: str
    texts: int


class ProbeFindings(msgspec.Struct, frozen=True, kw_only=True):
    """How well the labels are told by features, and by what they are to be compared with."""

    labels: list[LabelCount]
    fitted: int
    """Texts that are fitted on in each split."""
    tested: int
    """Texts that are held out in each."""
    features: list[ProbedFeature]
    """Those chosen in most splits first, of equals the highest AUC on the texts to fit on."""
    best_feature: ProbeResults
    """The one feature with the highest AUC on the texts to fit on; of more than two labels it tells
    one from all others, by chance in one half of the texts."""
    curve: list[KSparseProbe]
    raw: ProbeResults
    """A logistic regression on the activations that the SAE reads."""
    mean_difference: ProbeResults
    """The nearest mean of these activations: of two labels, the projection on the difference."""
    majority: ProbeResults
    """The commonest label, always."""
