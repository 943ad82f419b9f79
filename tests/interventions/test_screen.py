"""Many features in turn: each is what a clamp of it alone says, and q is over all of them."""

import numpy as np
import pytest

from engine.errors import UserError
from engine.interventions.screen import screen
from engine.interventions.screen_spec import Screening, ScreenRequest
from engine.interventions.spec import FeatureEdit, ModelReport
from tests.interventions.bench import PROMPTS, Bench


def run(bench: Bench, **changes: object) -> Screening:
    fields = {"sae": "s", "prompts": PROMPTS, "generate": 6, "nulls": 4, "most_nulls": 4}
    return screen(bench.subject, bench.catalogue, ScreenRequest(**(fields | changes)))


@pytest.mark.parametrize("measure", ["kl", "promoted:5", "logp:the"])
def test_each_feature_is_as_a_clamp_of_it_alone(bench: Bench, measure: str) -> None:
    features = [bench.busiest(place) for place in (0, 3, 8)]
    found = run(bench, features=features, measure=measure, times_max=3.0)
    assert {each.feature for each in found.features} == {*features}
    assert (found.measure, found.unit, found.prompts) == (measure, "nats", 2)
    for each in found.features:
        edits = [FeatureEdit(feature=each.feature, value=3.0, unit="max")]
        measures = [] if measure == "kl" else [measure]
        alone = bench.clamp(edits=edits, measures=measures)
        assert isinstance(alone, ModelReport)
        pooled = alone.pooled[-1]
        assert pooled.null is not None
        assert each.null is not None
        assert each.value == pytest.approx(pooled.value, rel=1e-4, abs=1e-6)
        assert each.null.p == pytest.approx(pooled.null.p)
        assert each.null.mean == pytest.approx(pooled.null.mean, rel=1e-4, abs=1e-6)


def test_q_is_by_benjamini_and_hochberg(bench: Bench) -> None:
    features = [bench.busiest(place) for place in range(6)]
    found = run(bench, features=features, times_max=4.0).features
    p = np.array([each.null.p for each in found if each.null is not None])
    assert len(p) == 6
    order = np.argsort(p, kind="stable")
    q = np.minimum.accumulate((p[order] * 6 / np.arange(1, 7))[::-1])[::-1].clip(max=1)
    assert sorted(each.q for each in found if each.q is not None) == pytest.approx(sorted(q))
    assert [each.q for each in found] == sorted(each.q for each in found if each.q is not None)


def test_a_silent_feature_has_no_p_and_counts_in_no_q(bench: Bench) -> None:
    silent = int((bench.catalogue.columns["density"] == 0).argmax())
    if bench.catalogue.columns["density"][silent] > 0:
        pytest.skip("no feature is silent")
    found = run(bench, features=[silent, bench.busiest()]).features
    assert [(each.feature, each.q is None) for each in found] == [
        (bench.busiest(), False),
        (silent, True),
    ]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"features": []}, "no feature to screen"),
        ({"features": [96]}, "There is no feature 96"),
        ({"features": [1], "prompts": []}, "no prompt"),
        ({"features": [1], "nulls": 0}, "nothing to compare with"),
        ({"features": [1], "measure": "loudness"}, "is no measure"),
    ],
)
def test_what_can_not_be_screened_is_named(
    bench: Bench, changes: dict[str, object], says: str
) -> None:
    with pytest.raises(UserError, match=says):
        run(bench, **changes)
