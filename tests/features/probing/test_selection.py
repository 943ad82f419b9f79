"""What features are chosen by, against scikit-learn and dense arrays."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.metrics import roc_auc_score

from engine.features.probing.run_probes import LEAST_TEXTS, split_texts
from engine.features.probing.selection import RankedFeatures, largest, mean_differences


def some_texts(
    seed: int, classes: int, texts: int = 40, features: int = 9
) -> tuple[np.ndarray, np.ndarray]:
    """Features with silent texts and equal values, and labels that all occur."""
    random = np.random.default_rng(seed)
    dense = random.integers(0, 4, (texts, features)) * random.random()
    labels = np.concatenate([np.arange(classes), random.integers(0, classes, texts - classes)])
    return dense, random.permutation(labels)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), classes=st.integers(2, 4))
def test_auc_is_scikit_learns(seed: int, classes: int) -> None:
    dense, labels = some_texts(seed, classes)
    chosen = np.sort(np.random.default_rng(seed).choice(40, 25, replace=False))
    labels[chosen[:classes]] = np.arange(classes)
    found = RankedFeatures(csr_array(dense)).auc(chosen, labels[chosen], classes)
    for feature in range(dense.shape[1]):
        for label in range(classes):
            expected = roc_auc_score(labels[chosen] == label, dense[chosen, feature])
            assert found[feature, label] == pytest.approx(expected, abs=1e-12)


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), classes=st.integers(2, 4))
def test_differences_of_means_are_those_of_dense_arrays(seed: int, classes: int) -> None:
    dense, labels = some_texts(seed, classes)
    found = mean_differences(csr_array(dense), labels, classes)
    for label in range(classes):
        expected = dense[labels == label].mean(0) - dense[labels != label].mean(0)
        assert found[:, label] == pytest.approx(expected, abs=1e-12)


@settings(deadline=None)
@given(st.lists(st.integers(0, 5)), st.integers(0, 20))
def test_the_largest_come_first_and_of_equals_the_first(values: list[int], most: int) -> None:
    expected = sorted(range(len(values)), key=lambda place: (-values[place], place))[:most]
    assert largest(np.array(values, float), most).tolist() == expected


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(LEAST_TEXTS, 40), min_size=2, max_size=5),
    held_out=st.floats(0.01, 0.99),
    seed=st.integers(0, 100),
)
def test_every_label_is_on_both_sides_in_its_share(
    sizes: list[int], held_out: float, seed: int
) -> None:
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    fitted, tested = split_texts(labels, held_out, np.random.default_rng(seed))
    assert sorted([*fitted, *tested]) == list(range(len(labels)))
    for label, size in enumerate(sizes):
        here = int((labels[tested] == label).sum())
        assert 1 <= here <= size - LEAST_TEXTS + 1
        if 1 <= round(held_out * size) <= size - LEAST_TEXTS + 1:
            assert here == round(held_out * size)
