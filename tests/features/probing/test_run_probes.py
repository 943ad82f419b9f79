"""The protocol on texts whose features are known, and against scikit-learn called plainly."""

import msgspec
import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score
from sklearn.neighbors import NearestCentroid
from sklearn.preprocessing import StandardScaler

from engine.features.probing import probes
from engine.features.probing import run_probes as run_probes_module
from engine.features.probing.findings import ProbeFindings
from engine.features.probing.run_probes import PooledTexts, run_probes, split_texts
from engine.progress import Cancelled, Silent

FEATURES, D_IN = 30, 6


@pytest.fixture(autouse=True)
def few_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_probes_module, "KS", (1, 5, 50))
    monkeypatch.setattr(probes, "PENALTIES", (0.1, 1.0))


def some_texts(seed: int = 0, classes: int = 2, texts: int = 90) -> PooledTexts:
    """Feature 3 + c is larger in texts of label c, 10 tells label 1 almost; the rest is noise."""
    random = np.random.default_rng(seed)
    labels = np.arange(texts) % classes
    dense = random.random((texts, FEATURES)) * (random.random((texts, FEATURES)) < 0.4)
    for label in range(classes):
        dense[labels == label, 3 + label] += 1.5
    dense[:, 10] = 2 * (labels == 1) + 1.5 * random.random(texts)
    dense[:, 20] = 0
    raw = random.standard_normal((texts, D_IN))
    raw[:, 0] += 1.5 * labels
    names = [f"label {label}" for label in range(classes)]
    return PooledTexts(csr_array(dense), raw, labels, names)


@pytest.mark.parametrize("classes", [2, 3])
def test_what_tells_the_labels_is_found(classes: int) -> None:
    found = run_probes(some_texts(classes=classes), splits=2, nulls=2, most=6)
    tells = {(each.id, each.tells) for each in found.features if each.chosen == 2}
    assert tells >= {(3 + label, f"label {label}") for label in range(classes)}
    assert 20 not in {each.id for each in found.features}
    assert [probe.k for probe in found.curve] == [1, 5]
    assert {*range(3, 3 + classes)} <= set(found.curve[1].features)
    for probe in (found.best_feature, found.curve[1]):
        assert probe.held_out.balanced_accuracy.mean > 0.95
        assert probe.null.balanced_accuracy.mean < 0.75
    assert found.raw.held_out.auc.mean > 0.7
    assert found.majority.held_out.auc.mean == 0.5
    assert found.majority.held_out.balanced_accuracy.mean == pytest.approx(1 / classes)
    assert [each.texts for each in found.labels] == [90 // classes] * classes
    assert (found.fitted, found.tested) == (72, 18)


def test_figures_are_those_of_scikit_learn_called_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "PENALTIES", (1.0,))
    texts = some_texts(1)
    found = run_probes(texts, splits=1, nulls=0, seed=5)
    train, test = split_texts(texts.labels, 0.2, np.random.default_rng([5, 0]))
    y, truth = texts.labels[train], texts.labels[test]

    def check(probe: object, predicted: np.ndarray, margin: np.ndarray) -> None:
        scores = probe.held_out
        expected = {
            "accuracy": (predicted == truth).mean(),
            "balanced_accuracy": balanced_accuracy_score(truth, predicted),
            "auc": roc_auc_score(truth, margin),
            "f1": f1_score(truth, predicted, average="macro"),
        }
        for name, value in expected.items():
            assert getattr(scores, name).mean == pytest.approx(value), name
            assert getattr(scores, name).sd is None
        assert probe.null is None

    def logistic(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scaler = StandardScaler().fit(x[train])
        fitted = LogisticRegression(class_weight="balanced", max_iter=1000)
        fitted.fit(scaler.transform(x[train]), y)
        unseen = scaler.transform(x[test])
        return fitted.predict(unseen), fitted.decision_function(unseen)

    check(found.raw, *logistic(texts.raw))
    dense = texts.features.toarray()
    gaps = abs(dense[train][y == 1].mean(0) - dense[train][y == 0].mean(0))
    for probe in found.curve:
        chosen = np.argsort(-gaps, kind="stable")[: probe.k]
        assert probe.features == chosen.tolist()
        check(probe, *logistic(dense[:, chosen]))
    direction = texts.raw[train][y == 1].mean(0) - texts.raw[train][y == 0].mean(0)
    nearest = NearestCentroid().fit(texts.raw[train], y)
    check(found.mean_difference, nearest.predict(texts.raw[test]), texts.raw[test] @ direction)

    feature = found.features[0]
    label = texts.names.index(feature.tells)
    column = dense[:, feature.id]

    def balanced(least: float, of: np.ndarray, labels: np.ndarray) -> float:
        return balanced_accuracy_score(labels == label, column[of] >= least)

    best = max(balanced(least, train, y) for least in column[train])
    least = next(v for v in sorted(column[train])[::-1] if balanced(v, train, y) == best)
    assert feature.held_out.balanced_accuracy.mean == pytest.approx(balanced(least, test, truth))
    assert feature.held_out.auc.mean == pytest.approx(roc_auc_score(truth == label, column[test]))
    assert feature.held_out.f1.mean == pytest.approx(
        f1_score(truth == label, column[test] >= least)
    )
    assert found.best_feature.held_out == feature.held_out


def test_the_order_of_single_features_owes_nothing_to_held_out_texts() -> None:
    texts = some_texts(2)
    found = run_probes(texts, splits=1, nulls=0, seed=1)
    train, _ = split_texts(texts.labels, 0.2, np.random.default_rng([1, 0]))
    y, dense = texts.labels[train], texts.features.toarray()[train]
    aucs = [roc_auc_score(y == 1, dense[:, feature]) for feature in range(FEATURES)]
    strength = np.maximum(aucs, 1 - np.array(aucs))
    assert [each.id for each in found.features] == np.argsort(-strength, kind="stable")[
        : len(found.features)
    ].tolist()


def test_the_same_seed_gives_the_same_findings_and_another_others() -> None:
    def found(seed: int) -> ProbeFindings:
        return run_probes(some_texts(3), splits=1, nulls=1, seed=seed)

    assert msgspec.json.encode(found(0)) == msgspec.json.encode(found(0))
    assert found(0) != found(1)
    assert found(2**63 - 1).fitted == 72


def test_noise_is_told_no_better_than_chance() -> None:
    texts = some_texts(4, texts=400)
    shuffled = np.random.default_rng(0).permutation(texts.labels)
    found = run_probes(
        PooledTexts(texts.features, texts.raw, shuffled, texts.names), splits=3, nulls=3
    )
    for probe in (found.best_feature, found.raw, found.mean_difference, *found.curve):
        assert abs(probe.held_out.balanced_accuracy.mean - 0.5) < 0.15
        assert abs(probe.null.balanced_accuracy.mean - 0.5) < 0.15


def test_an_sae_that_is_never_active_tells_nothing() -> None:
    texts = some_texts()
    silent = PooledTexts(csr_array((90, FEATURES)), texts.raw, texts.labels, texts.names)
    found = run_probes(silent, splits=2, nulls=1)
    assert found.curve == []
    assert found.best_feature.held_out.auc.mean == 0.5
    assert found.raw.held_out.auc.mean > 0.7


def test_it_tells_how_far_it_is_and_can_be_given_up() -> None:
    class Listening(Silent):
        def __call__(self, phase: str, done: int, total: int | None = None, *_: object) -> None:
            heard.append((done, total))
            if len(heard) == 4:
                raise Cancelled

    heard: list[tuple[int, int | None]] = []
    with pytest.raises(Cancelled):
        run_probes(some_texts(), splits=1, nulls=1, progress=Listening())
    assert heard == [(done, 6) for done in range(4)]
