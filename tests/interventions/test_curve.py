"""A curve over strengths: each point is the clamp of that strength, and the text its own."""

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import UserError
from engine.interventions.spec import Curve, FeatureEdit, ModelReport
from engine.interventions.strengths import edits_at, first_where
from engine.model.text import encode
from tests.interventions.bench import PROMPTS, Bench

STRENGTHS = [3.0, -1.0, 0.0, 8.0]


@pytest.fixture(scope="module")
def report(bench: Bench) -> ModelReport:
    report = bench.clamp(strengths=STRENGTHS, measures=["logp:the"], nulls=4)
    assert isinstance(report, ModelReport)
    return report


def curve_of(report: ModelReport) -> Curve:
    assert report.curve is not None
    return report.curve


@pytest.mark.parametrize("place", range(4))
def test_each_point_is_the_clamp_of_that_strength(
    bench: Bench, report: ModelReport, place: int
) -> None:
    curve = curve_of(report)
    strength = sorted(STRENGTHS)[place]
    edits = [FeatureEdit(feature=bench.busiest(), value=strength, unit="max")]
    alone = bench.clamp(edits=edits, measures=["logp:the"], nulls=4)
    assert isinstance(alone, ModelReport)
    assert curve.nulls == 4
    for along, pooled in zip(curve.measures, alone.pooled, strict=True):
        assert pooled.null is not None
        assert along.measure == pooled.measure
        assert along.values[place] == pytest.approx(pooled.value, rel=1e-4, abs=1e-6)
        assert along.low[place] == pytest.approx(pooled.null.low, rel=1e-4, abs=1e-6)
        assert along.high[place] == pytest.approx(pooled.null.high, rel=1e-4, abs=1e-6)
    assert curve.texts[place] == [prompt.edited_text for prompt in alone.prompts]


@torch.no_grad()
def test_quality_is_what_the_clean_model_thinks_of_the_text(
    bench: Bench, report: ModelReport
) -> None:
    """From the texts alone: those that read back as the same tokens."""
    curve, lm = curve_of(report), bench.lm
    values = []
    for prompt in PROMPTS:
        own = encode(lm, prompt)
        written = lm.model.generate(own[None], max_new_tokens=6, do_sample=False)[0]
        logp = lm.model(written[None]).logits[0].double().log_softmax(-1)
        said = torch.arange(len(own) - 1, len(written) - 1)
        values.append(logp[said, written[len(own) :]].mean().item())
    assert curve.clean_quality == pytest.approx(np.mean(values), rel=1e-4)
    assert len(curve.quality) == 4
    assert max(curve.quality) <= 0


def test_an_edit_by_nothing_moves_nothing(bench: Bench) -> None:
    edits = [FeatureEdit(feature=bench.busiest(), operation="add", value=2.0)]
    report = bench.clamp(edits=edits, strengths=[0.0, 1.0], nulls=2)
    curve = curve_of(report)
    assert curve.measures[0].values[0] == 0
    assert curve.measures[0].high[0] == 0
    assert curve.quality[0] == pytest.approx(curve.clean_quality)
    assert curve.texts[0] == [prompt.baseline_text for prompt in report.prompts]


def test_directions_make_a_band_too(bench: Bench) -> None:
    report = bench.clamp(strengths=[1.0, 5.0], nulls=3, null="directions", generate=0)
    curve = curve_of(report)
    assert (curve.nulls, curve.texts, curve.quality) == (3, [], [])
    assert curve.measures[0].high[1] > curve.measures[0].high[0] > 0


def test_without_nulls_there_is_no_band_and_no_onset(bench: Bench) -> None:
    curve = curve_of(bench.clamp(strengths=[1.0, 5.0], nulls=0, generate=0))
    assert (curve.nulls, curve.measures[0].low, curve.measures[0].onset) == (0, [], None)


@given(st.lists(st.tuples(st.integers(-3, 9), st.booleans())))
def test_the_first_strength_at_which_something_holds(points: list[tuple[int, bool]]) -> None:
    found = first_where([s for s, _ in points], [so for _, so in points])
    for strength in range(1, 10):
        if (strength, True) in points:
            assert found == strength
            break
    else:
        assert found is None


@pytest.mark.parametrize("strength", [float("nan"), float("inf"), 1e30, -1001.0])
def test_what_is_no_strength_is_refused(bench: Bench, strength: float) -> None:
    with pytest.raises(UserError, match="can't be a strength"):
        bench.clamp(strengths=[1.0, strength])


def test_what_has_no_strength_is_refused(bench: Bench) -> None:
    edits = [FeatureEdit(feature=1, operation="ablate")]
    with pytest.raises(UserError, match="but one strength"):
        bench.clamp(edits=edits, strengths=[1.0])
    with pytest.raises(UserError, match="at most 50"):
        bench.clamp(strengths=[float(i) for i in range(51)])


def test_a_strength_is_a_multiple_of_the_maximum_or_a_factor() -> None:
    edits = [FeatureEdit(feature=1, value=3.0), FeatureEdit(feature=2, operation="scale", value=2)]
    assert [msgspec.structs.astuple(edit) for edit in edits_at(edits, 5.0)] == [
        (1, "clamp", 5.0, "max"),
        (2, "scale", 5.0, "absolute"),
    ]
