"""Ways to tell the label of a text: each is fitted on some texts, and predicts for others.

scikit-learn fits and scores; it is imported late, since that takes a second.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.features.probing.selection import Labels

Matrix = NDArray[np.floating]
"""[texts, figures]"""

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)
"""The inverse strengths of the L2 penalty (scikit-learn's C) among which one is chosen."""
_FOLDS = 3


@dataclass(frozen=True)
class Prediction:
    """What is said of some texts."""

    labels: Labels
    """[texts]"""
    margins: NDArray[np.float64]
    """[texts, classes]: the larger, the likelier a label is rather than the others."""


@dataclass(frozen=True)
class Scores:
    """Figures of one prediction, see `engine.features.probing.findings`."""

    accuracy: float
    balanced_accuracy: float
    auc: float
    f1: float


def logistic(x: Matrix, labels: Labels, held_out: Matrix, seed: int) -> Prediction:
    """A logistic regression on standardised figures, labels weighted alike; multinomial of more
    than two. How strong its L2 penalty is, the likelihood in three folds of the texts decides."""
    from sklearn import config_context
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    regression = LogisticRegression(class_weight="balanced", max_iter=1000)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), regression),
        {"logisticregression__C": PENALTIES},
        cv=StratifiedKFold(_FOLDS, shuffle=True, random_state=seed),
        scoring="neg_log_loss",
    )
    # products this small take ten times as long where threads wait for each other
    with (
        warnings.catch_warnings(),
        threadpool_limits(limits=1),
        config_context(assume_finite=True, skip_parameter_validation=True),
    ):
        # a fit that stops at the thousandth step is as good as can be used
        warnings.simplefilter("ignore", ConvergenceWarning)
        search.fit(x.astype(np.float64), labels)
    return Prediction(
        search.predict(held_out.astype(np.float64)),
        search.predict_log_proba(held_out.astype(np.float64)),
    )


def nearest_mean(x: Matrix, labels: Labels, held_out: Matrix) -> Prediction:
    """The label whose texts have the nearest mean. Of two labels that is the projection on the
    difference of their means, cut half-way between them."""
    classes = int(labels.max()) + 1
    means = np.stack(
        [x[labels == label].mean(axis=0, dtype=np.float64) for label in range(classes)]
    )
    scores = held_out @ means.T - (means**2).sum(axis=1) / 2
    others = (scores.sum(axis=1, keepdims=True) - scores) / (classes - 1)
    return Prediction(scores.argmax(axis=1), scores - others)


def majority(labels: Labels, held_out: int) -> Prediction:
    """The commonest label, for so many texts."""
    classes = int(labels.max()) + 1
    commonest = np.bincount(labels).argmax()
    return Prediction(np.full(held_out, commonest), np.zeros((held_out, classes)))


def threshold(
    values: NDArray[np.floating], is_label: NDArray[np.bool_], held_out: NDArray[np.floating]
) -> Prediction:
    """Whether a text has a label: where a feature reaches the value that tells the two apart best
    on the texts to fit on, by balanced accuracy. The labels are 0, another, and 1."""
    from sklearn.metrics import roc_curve

    false_alarms, hits, thresholds = roc_curve(is_label, values)
    least = thresholds[(hits - false_alarms).argmax()]
    return Prediction((held_out >= least).astype(np.int64), np.stack([-held_out, held_out], axis=1))


def score(prediction: Prediction, labels: Labels, *, of_label: int | None = None) -> Scores:
    """How well a prediction tells the labels [texts]. F1 is the mean of all labels', or `of_label`
    that of one."""
    from sklearn.metrics import accuracy_score, f1_score, recall_score, roc_auc_score

    classes = range(prediction.margins.shape[1])
    told = prediction.labels
    f1 = f1_score(labels, told, average=None, labels=[*classes], zero_division=0)
    recall = recall_score(labels, told, average=None, labels=[*classes], zero_division=0)
    areas = [roc_auc_score(labels == label, prediction.margins[:, label]) for label in classes]
    return Scores(
        accuracy=float(accuracy_score(labels, told)),
        balanced_accuracy=float(recall.mean()),
        auc=float(np.mean(areas)),
        f1=float(f1.mean() if of_label is None else f1[of_label]),
    )
