"""Measures as they are typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import UserError
from engine.interventions.measure_notation import (
    FeatureChange,
    Measure,
    Promoted,
    SiteShift,
    TokenLogp,
    TokenRank,
    parse_measure,
)

TOKEN = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1)
TOKENS = st.lists(TOKEN, min_size=1, max_size=4, unique=True).map(tuple)
MEASURES = st.one_of(
    st.builds(TokenLogp, TOKENS, st.one_of(st.just(()), TOKENS)),
    st.builds(TokenRank, TOKENS),
    st.builds(Promoted, st.integers(1, 100)),
    st.builds(FeatureChange, st.integers(0, 10**12)),
    st.builds(SiteShift, st.sampled_from(["resid_post.3", "attn_out.0"])),
)


@given(MEASURES)
def test_what_is_written_is_read_back(measure: Measure) -> None:
    assert parse_measure(str(measure)) == measure


@pytest.mark.parametrize(
    ("text", "measure"),
    [
        ("logp: Paris", TokenLogp(("Paris",))),
        ('logp:Paris, "a,b" vs Rome', TokenLogp(("Paris", "a,b"), ("Rome",))),
        ("promoted", Promoted(10)),
        (" rank:dog,dog ", TokenRank(("dog",))),
        ("shift: resid_post.20", SiteShift("resid_post.20")),
    ],
)
def test_measures_are_read_as_people_type_them(text: str, measure: Measure) -> None:
    assert parse_measure(text) == measure


@pytest.mark.parametrize(
    "text",
    ["", "kl", "logp:", "logp: ,", "rank", "promoted:0", "promoted:101", "feature:-1", 'logp:"'],
)
def test_what_is_no_measure_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="is no measure"):
        parse_measure(text)
