"""What an edit adds, against encoding, changing and decoding by hand."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.interventions.delta import ResolvedEdit, acts_of, apply_edits, delta, resolve_edits
from engine.interventions.spec import FeatureEdit
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig

D_MODEL, FEATURES = 6, 15
SAES: dict[str, SparseAutoencoder] = {
    name: build(SAEConfig(architecture=name, d_in=D_MODEL, d_sae=FEATURES, k=k)).requires_grad_(
        False
    )
    for name, k in (("topk", 4), ("seed-basic", None), ("seed-optimised", None))
}
X = torch.randn(7, D_MODEL, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (FeatureEdit(feature=0, operation="clamp", value=3.0), 3.0),
        (FeatureEdit(feature=0, operation="clamp", value=3.0, unit="max"), 30.0),
        (FeatureEdit(feature=0, operation="clamp", value=-1.0, unit="max"), -10.0),
        (FeatureEdit(feature=0, operation="ablate"), 0.0),
        (FeatureEdit(feature=0, operation="ablate", value=3.0, unit="max"), 0.0),
        (FeatureEdit(feature=0, operation="scale", value=3.0), 12.0),
        (FeatureEdit(feature=0, operation="scale", value=3.0, unit="max"), 12.0),
        (FeatureEdit(feature=0, operation="add", value=3.0), 7.0),
        (FeatureEdit(feature=0, operation="add", value=3.0, unit="max"), 34.0),
    ],
)
def test_an_operation_makes_of_4_when_the_maximum_is_10(edit: FeatureEdit, expected: float) -> None:
    (change,) = resolve_edits([edit], [10.0])
    z = torch.tensor([[4.0, 1.0]])
    assert apply_edits(z, [change]).tolist() == [[expected, 1.0]]
    assert z.tolist() == [[4.0, 1.0]]


operations: st.SearchStrategy[str] = st.sampled_from(["clamp", "ablate", "scale", "add"])


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from(sorted(SAES)),
    st.dictionaries(
        st.integers(0, FEATURES - 1),
        st.tuples(operations, st.floats(-8, 8)),
        min_size=1,
        max_size=4,
    ),
)
def test_delta_is_the_difference_of_two_reconstructions(
    name: str, wanted: dict[int, tuple[str, float]]
) -> None:
    sae = SAES[name]
    changes = [ResolvedEdit(feature, *rest) for feature, rest in wanted.items()]
    z = sae.encode(X)
    by_hand = z.double().clone()
    for change in changes:
        present = by_hand[:, change.feature]
        by_hand[:, change.feature] = {
            "clamp": torch.full_like(present, change.amount),
            "ablate": torch.zeros_like(present),
            "scale": present * change.amount,
            "add": present + change.amount,
        }[change.operation]
    decoder, bias = sae.W_dec.double(), sae.b_dec.double()
    expected = (by_hand @ decoder + bias) - (z.double() @ decoder + bias)
    acts = acts_of(sae, X, [change.feature for change in changes])
    added = delta(sae, X, acts, changes).double()
    torch.testing.assert_close(added, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", sorted(SAES))
def test_what_changes_nothing_adds_exactly_nothing(name: str) -> None:
    changes = [ResolvedEdit(feature, "scale", 1.0) for feature in (2, 3, 14)]
    acts = acts_of(SAES[name], X, (2, 3, 14))
    assert not delta(SAES[name], X, acts, changes).any()
    assert not delta(SAES[name], X, acts[:, :0], []).any()
    assert delta(SAES[name], X, acts[:, :1], [replace(changes[0], operation="add")]).any()


@pytest.mark.parametrize("name", sorted(SAES))
def test_acts_of_some_features_are_theirs_among_all_however_few_tokens_go_at_once(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.interventions.delta.rows_per_block", lambda width: 2)
    whole = SAES[name].encode(X)[:, [14, 0, 3]]
    torch.testing.assert_close(acts_of(SAES[name], X, (14, 0, 3)), whole)


def test_behind_a_layer_norm_a_direction_is_as_long_as_the_vector_deviates() -> None:
    config = SAEConfig(architecture="topk", d_in=D_MODEL, d_sae=FEATURES, k=4, layer_norm=True)
    sae = build(config).requires_grad_(False)
    x = X * torch.linspace(0.1, 9, len(X))[:, None]
    z = sae.encode(x)
    changes = [ResolvedEdit(2, "add", 1.5), ResolvedEdit(7, "clamp", -3.0)]
    expected = sae.decode(apply_edits(z, changes), x) - sae.decode(z, x)
    acts = acts_of(sae, x, (2, 7))
    torch.testing.assert_close(delta(sae, x, acts, changes), expected, rtol=1e-4, atol=1e-5)
    assert not delta(sae, x, acts[:, :1], [ResolvedEdit(2, "scale", 1.0)]).any()
