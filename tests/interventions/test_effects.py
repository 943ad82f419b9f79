"""Effects by every measure, against an edit made by hand on the plain transformers model."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.errors import UserError
from engine.interventions.spec import FeatureEdit, ModelReport
from engine.model.text import encode
from tests.interventions.bench import PROMPTS, SITE, Bench

LATER = 4

MEASURES = [
    "logp:the,was",
    "logp:the vs a",
    "rank:was",
    "promoted:7",
    "feature:11",
    f"shift:resid_post.{LATER}",
    "shift:resid_post.2",
]

Added = Callable[[Tensor], Tensor]
"""From activations [1, tokens, d_model] at the site to what is added to them."""


@pytest.fixture(scope="module")
def report(bench: Bench) -> ModelReport:
    report = bench.clamp(measures=MEASURES, nulls=5)
    assert isinstance(report, ModelReport)
    return report


@contextmanager
def adding(bench: Bench, added: Added) -> Iterator[dict[int, Tensor]]:
    """Adds to what layer SITE writes, and shows what layers write: the layer's number to x."""
    seen: dict[int, Tensor] = {}

    def edit(_: Any, __: Any, x: Tensor) -> Tensor:
        seen[SITE.layer] = x + added(x)
        return seen[SITE.layer]

    def look(_: Any, __: Any, x: Tensor) -> None:
        seen[LATER] = x

    layers = bench.lm.layers
    handles = [layers[SITE.layer].register_forward_hook(edit)]
    handles.append(layers[LATER].register_forward_hook(look))
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def clamped(bench: Bench, feature: int, times: float, sign: float = 1.0) -> Added:
    """Hold a feature at so many times its maximum on all tokens but BOS."""

    def added(x: Tensor) -> Tensor:
        z = bench.sae.encode(x)[..., feature]
        target = times * bench.catalogue.columns["max"][feature].item()
        delta = (target - z)[..., None] * bench.sae.W_dec[feature] * sign
        delta[:, 0] = 0
        return delta

    return added


def outcome(bench: Bench, prompt: str, added: Added) -> tuple[Tensor, dict[int, Tensor]]:
    """Log-probabilities [tokens, vocab] of the edited model on what the clean one writes, and what
    layers write."""
    ids = bench.lm.model.generate(encode(bench.lm, prompt)[None], max_new_tokens=6, do_sample=False)
    with adding(bench, added) as seen:
        logp = bench.lm.model(ids).logits[0].double().log_softmax(-1)
    return logp, seen


def ids_of(bench: Bench, token: str) -> list[int]:
    """The ids that read as a token, with or without a space before it."""
    table = [bench.lm.tokenizer.decode([i]) for i in range(bench.lm.vocab_size)]
    pieces = bench.lm.tokenizer.convert_ids_to_tokens(range(bench.lm.vocab_size))
    spelled = {token, f"▁{token}"}
    return [i for i, piece in enumerate(pieces) if piece in spelled and table[i].strip() == token]


def by_hand(bench: Bench, prompt: str, added: Added) -> dict[str, float]:
    """Every measure of an edit, from its definition."""
    clean, plain = outcome(bench, prompt, torch.zeros_like)
    edited, moved = outcome(bench, prompt, added)

    def logp(tokens: tuple[str, ...]) -> float:
        wanted = [i for token in tokens for i in ids_of(bench, token)]
        assert wanted
        change = [each.exp()[:, wanted].sum(-1).log() for each in (edited, clean)]
        return (change[0] - change[1]).mean().item()

    def rank(logps: Tensor) -> float:
        order = logps.argsort(-1, descending=True)
        places = [
            min(row.tolist().index(i) for i in ids_of(bench, "was")) + 1 for row in order.unbind()
        ]
        return float(np.mean(places))

    def shift(layer: int) -> float:
        far = (moved[layer] - plain[layer])[0].double().norm(dim=-1)
        return (far / plain[layer][0].double().norm(dim=-1)).mean().item()

    feature = bench.busiest()
    direction = bench.sae.W_dec[feature].double()
    effects = direction * bench.lm.model.model.norm.weight.double()
    raised = (bench.lm.model.lm_head.weight.double() @ effects).topk(7).indices
    promoted = [each.exp()[:, raised].sum(-1).log() for each in (edited, clean)]
    acts = [bench.sae.encode(seen[SITE.layer])[0, :, 11].double() for seen in (moved, plain)]
    return {
        "kl": (clean.exp() * (clean - edited)).sum(-1).mean().item(),
        "logp:the,was": logp(("the", "was")),
        "logp:the vs a": logp(("the",)) - logp(("a",)),
        "rank:was": rank(edited) - rank(clean),
        "promoted:7": (promoted[0] - promoted[1]).mean().item(),
        "feature:11": (acts[0] - acts[1]).mean().item(),
        f"shift:resid_post.{LATER}": shift(LATER),
        "shift:resid_post.2": shift(SITE.layer),
    }


@pytest.mark.parametrize("index", [0, 1])
@torch.no_grad()
def test_effects_are_what_the_plain_model_says(
    bench: Bench, report: ModelReport, index: int
) -> None:
    feature = bench.busiest()
    effects = {effect.measure: effect for effect in report.prompts[index].effects}
    assert [*effects] == ["kl", *MEASURES]
    edited = by_hand(bench, PROMPTS[index], clamped(bench, feature, 5.0))
    flipped = by_hand(bench, PROMPTS[index], clamped(bench, feature, 5.0, sign=-1.0))
    for name, effect in effects.items():
        assert effect.value == pytest.approx(edited[name], rel=2e-3, abs=2e-4), name
        assert effect.flipped == pytest.approx(flipped[name], rel=2e-3, abs=2e-4), name
        assert effect.after - effect.before == pytest.approx(effect.value, abs=1e-9)
    assert effects["logp:the,was"].value != 0
    assert effects["kl"].value == report.prompts[index].kl


@torch.no_grad()
def test_each_null_is_the_same_edit_of_another_feature(bench: Bench, report: ModelReport) -> None:
    stand_ins = [feature for (feature,) in report.null_features]
    assert len(stand_ins) == 5
    of_null = [by_hand(bench, PROMPTS[0], clamped(bench, each, 5.0)) for each in stand_ins]
    for effect in report.prompts[0].effects:
        values = [each[effect.measure] for each in of_null]
        assert effect.null is not None
        assert effect.null.mean == pytest.approx(np.mean(values), rel=5e-3, abs=5e-4)
        as_far = sum(abs(value) >= abs(effect.value) for value in values)
        assert effect.null.p == pytest.approx((1 + as_far) / 6)


@torch.no_grad()
def test_over_prompts_the_means_of_the_edit_and_of_each_null_are_compared(
    bench: Bench, report: ModelReport
) -> None:
    features = [bench.busiest(), *(feature for (feature,) in report.null_features)]
    every = [
        [by_hand(bench, prompt, clamped(bench, each, 5.0)) for prompt in PROMPTS]
        for each in features
    ]
    assert [pooled.measure for pooled in report.pooled] == ["kl", *MEASURES]
    for pooled in report.pooled:
        means = [np.mean([each[pooled.measure] for each in prompts]) for prompts in every]
        assert pooled.value == pytest.approx(means[0], rel=2e-3, abs=2e-4)
        assert pooled.prompts == 2
        assert pooled.null is not None
        assert pooled.null.mean == pytest.approx(np.mean(means[1:]), rel=5e-3, abs=5e-4)
        as_far = sum(abs(mean) >= abs(means[0]) for mean in means[1:])
        assert pooled.null.p == pytest.approx((1 + as_far) / 6)
        assert not pooled.stopped_early


@torch.no_grad()
def test_where_it_is_silent_is_where_the_feature_is_not_active(bench: Bench) -> None:
    feature = bench.busiest()

    def added(x: Tensor) -> Tensor:
        z = bench.sae.encode(x)[..., feature]
        return clamped(bench, feature, 5.0)(x) * (z <= 0)[..., None]

    report = bench.clamp(measures=MEASURES[:1], nulls=1)
    silent = [by_hand(bench, prompt, added) for prompt in PROMPTS]
    for prompt, expected in zip(report.prompts, silent, strict=True):
        for effect in prompt.effects:
            assert effect.where_silent == pytest.approx(expected[effect.measure], rel=2e-3)
            assert effect.where_silent != effect.value


def test_a_scaled_silent_feature_moves_nothing(bench: Bench) -> None:
    edits = [FeatureEdit(feature=bench.busiest(), operation="scale", value=3.0)]
    report = bench.clamp(edits=edits, nulls=1)
    assert [prompt.effects[0].where_silent for prompt in report.prompts] == [0, 0]


def test_without_nulls_there_are_no_controls_either(bench: Bench) -> None:
    report = bench.clamp(measures=["rank:was"], nulls=0)
    for prompt in report.prompts:
        assert [(e.flipped, e.where_silent, e.null) for e in prompt.effects] == [(None,) * 3] * 2
    assert [pooled.null for pooled in report.pooled] == [None, None]


@pytest.mark.parametrize(
    ("measure", "says"),
    [
        ("logp:Schwarzwälder", "no single token"),
        ("shift:resid_post.1", "Nothing moves at resid_post.1"),
        ("shift:resid_post.9", "There is no resid_post.9"),
        ("feature:96", "There is no feature 96"),
        ("loudness", "is no measure"),
        ("promoted:0", "is no measure"),
    ],
)
def test_what_can_not_be_measured_is_named(bench: Bench, measure: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        bench.clamp(measures=[measure])
