"""Co-activation is what counting on the dense activations gives."""

import numpy as np
import pytest

from engine.features.search import coactive as room
from engine.features.search.coactive import coactive
from tests.features.dense_codes import codes_of, random_dense

LENGTHS = [30, 1, 50]
DENSE = random_dense(81, 15, 0.25)
ACTIVE = DENSE > 0


@pytest.mark.parametrize("feature", range(15))
def test_relatives_are_counted_token_by_token(feature: int) -> None:
    answer = coactive(codes_of(DENSE, LENGTHS), feature, 50)
    here = ACTIVE[:, feature]
    assert answer.tokens == here.sum()
    expected = []
    for other in range(15):
        both, either = (here & ACTIVE[:, other]).sum(), (here | ACTIVE[:, other]).sum()
        if other != feature and both:
            shares = both / either, both / here.sum(), both / ACTIVE[:, other].sum()
            expected.append((other, *shares))
    expected.sort(key=lambda each: (-each[1], each[0]))
    assert [each.id for each in answer.relatives] == [each[0] for each in expected]
    for got, wanted in zip(answer.relatives, expected, strict=True):
        shares = got.likeness, got.given_this, got.given_other
        assert shares == pytest.approx(wanted[1:])


def test_the_nearest_come_first_and_no_more_than_asked() -> None:
    codes = codes_of(DENSE, LENGTHS)
    assert coactive(codes, 3, 4).relatives == coactive(codes, 3, 50).relatives[:4]


def test_of_a_feature_active_on_many_tokens_some_are_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(room, "MOST_ENTRIES", 300)
    dense = random_dense(4000, 6, 0.5)
    dense[:, 1] = dense[:, 0] * (np.arange(4000) % 3 > 0)  # two thirds of where feature 0 is
    answer = coactive(codes_of(dense, [4000]), 0, 5)
    assert 80 < answer.tokens < 120  # some three features are active on each
    by_id = {each.id: each for each in answer.relatives}
    assert by_id[1].likeness == pytest.approx(2 / 3, abs=0.15)
    assert by_id[1].given_this == pytest.approx(2 / 3, abs=0.15)
    assert by_id[1].given_other <= 1
    assert by_id[2].likeness == pytest.approx(1 / 3, abs=0.15)
    assert by_id[2].given_other == pytest.approx(1 / 2, abs=0.15)
