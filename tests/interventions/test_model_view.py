"""The model view against an edit made by hand: plain hooks on the transformers model."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
import torch
from torch import Tensor

from engine.interventions.spec import EditedPrompt, FeatureEdit, ModelReport
from engine.model.text import decode, encode
from tests.interventions.bench import PROMPTS, SITE, Bench


@contextmanager
def by_hand(bench: Bench, edit: FeatureEdit, first: int = 1) -> Iterator[None]:
    """Clamp or ablate at every position from `first` on (0 is BOS), by a hook of our own."""
    maximum = bench.catalogue.columns["max"][edit.feature].item()
    target = 0.0 if edit.operation == "ablate" else edit.value * maximum
    place = 0

    def hook(_: Any, __: Any, x: Tensor) -> Tensor:
        nonlocal place
        z = bench.sae.encode(x)[..., edit.feature]
        added = (target - z)[..., None] * bench.sae.W_dec[edit.feature]
        positions = torch.arange(place, place + x.shape[1])
        place += x.shape[1]
        return x + added * (positions >= first)[:, None]

    handle = bench.lm.layers[SITE.layer].register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def read(bench: Bench, prompt: EditedPrompt) -> Tensor:
    """The token ids [1, tokens] that a report is about, from the model's own greedy text."""
    ids = encode(bench.lm, prompt.prompt)[None]
    return bench.lm.model.generate(ids, max_new_tokens=6, do_sample=False)


@pytest.fixture(scope="module")
def report(bench: Bench) -> ModelReport:
    report = bench.clamp()
    assert isinstance(report, ModelReport)
    return report


@pytest.mark.parametrize("index", [0, 1])
@torch.no_grad()
def test_every_measure_is_what_the_plain_model_says(
    bench: Bench, report: ModelReport, index: int
) -> None:
    prompt = report.prompts[index]
    ids = read(bench, prompt)
    own = encode(bench.lm, PROMPTS[index])
    assert ids[0, 0] == bench.lm.tokenizer.bos_token_id
    clean = bench.lm.model(ids).logits[0].double()
    with by_hand(bench, report.edits[0]):
        edited = bench.lm.model(ids).logits[0].double()
    with by_hand(bench, report.edits[0]):
        written = bench.lm.model.generate(own[None], max_new_tokens=6, do_sample=False)
    p, q = clean.log_softmax(-1), edited.log_softmax(-1)
    kl = (p.exp() * (p - q)).sum(-1)
    assert prompt.kl_per_position == pytest.approx(kl.tolist(), rel=1e-3, abs=1e-6)
    assert prompt.kl == pytest.approx(kl.mean().item(), rel=1e-3)
    assert prompt.kl > 0.01

    predicted = torch.arange(len(own) - 1)
    losses = [-each[predicted, own[1:]].mean() for each in (p, q)]
    assert prompt.delta_ce == pytest.approx((losses[1] - losses[0]).item(), rel=1e-3)

    last = len(own) - 1
    table = {row.token: row for row in prompt.next_token}
    assert max(table.values(), key=lambda row: row.logp_before).logp_before == pytest.approx(
        p[last].max().item(), rel=1e-4
    )
    assert max(table.values(), key=lambda row: row.logp_after).logp_after == pytest.approx(
        q[last].max().item(), rel=1e-3
    )
    assert prompt.baseline_text == decode(bench.lm, ids[0, len(own) :])
    assert prompt.edited_text == decode(bench.lm, written[0, len(own) :])
    differ = (ids[0, len(own) :] != written[0, len(own) :]).nonzero().flatten().tolist()
    assert prompt.divergence == (differ[0] if differ else None)
    assert prompt.prompt_tokens == len(own)
    assert len(prompt.tokens) == ids.shape[1]
    assert prompt.edited_tokens == ids.shape[1] - 1


@pytest.mark.parametrize("index", [0, 1])
@torch.no_grad()
def test_the_shift_at_the_site_is_what_was_added(
    bench: Bench, report: ModelReport, index: int
) -> None:
    prompt, edit = report.prompts[index], report.edits[0]
    seen: list[Tensor] = []
    ids = read(bench, prompt)
    for edited in (False, True):
        with by_hand(bench, edit) if edited else torch.no_grad():
            handle = bench.lm.layers[SITE.layer].register_forward_hook(
                lambda _, __, x: seen.append(x[0])
            )
            bench.lm.model(ids)
            handle.remove()
    clean, moved = seen
    added = moved - clean
    assert prompt.mean_abs_diff == pytest.approx(added.abs().mean().item(), rel=1e-3)
    assert prompt.max_abs_diff == pytest.approx(added.abs().max().item(), rel=1e-3)
    for top in prompt.top_dims:
        assert top.delta == pytest.approx(added[top.token, top.dim].item(), rel=1e-3, abs=1e-5)
    relative = added[1:].norm(dim=-1) / clean[1:].norm(dim=-1)
    assert prompt.relative_norm == pytest.approx(relative.mean().item(), rel=1e-3)


def test_checks_hold(report: ModelReport) -> None:
    checks = report.checks
    assert (checks.no_op, checks.hf_identical, checks.error_kept, checks.bos_masked) == (True,) * 4
    assert 0 <= checks.error_kept_deviation < 1e-5
    assert report.site == "resid_post.2"
    assert report.corpus == "stories"


def test_nothing_changes_before_the_first_edited_position(bench: Bench) -> None:
    for prompt in bench.clamp(positions=(4, 7), nulls=0).prompts:
        assert prompt.kl_per_position[:4] == pytest.approx([0] * 4, abs=1e-12)
        assert prompt.kl_per_position[4] > 0
        assert prompt.edited_tokens == 3
        assert {top.token for top in prompt.top_dims} <= {4, 5, 6}
        assert prompt.null is None


def test_positions_that_hold_no_token_are_warned_of(bench: Bench) -> None:
    report = bench.clamp(positions=(0, 1), nulls=0)
    assert any("touches no token" in warning for warning in report.warnings)
    for prompt in report.prompts:
        assert (prompt.edited_tokens, prompt.divergence) == (0, None)
        assert prompt.kl == pytest.approx(0, abs=1e-9)
        assert prompt.max_abs_diff == prompt.relative_norm == 0
        assert prompt.baseline_text == prompt.edited_text


def test_several_features_add_up(bench: Bench) -> None:
    edits = [
        FeatureEdit(feature=bench.busiest(0), value=3.0, unit="max"),
        FeatureEdit(feature=bench.busiest(1), operation="add", value=-2.0, unit="max"),
    ]
    one, other, both = (
        bench.clamp(edits=each, generate=0, nulls=0) for each in (edits[:1], edits[1:], edits)
    )
    for a, b, c in zip(one.prompts, other.prompts, both.prompts, strict=True):
        place = c.top_dims[0]
        parts = [
            top.delta
            for part in (a, b)
            for top in part.top_dims
            if (top.token, top.dim) == (place.token, place.dim)
        ]
        assert c.max_abs_diff <= a.max_abs_diff + b.max_abs_diff + 1e-5
        if len(parts) == 2:
            assert place.delta == pytest.approx(sum(parts), rel=1e-4)
        assert c.kl > 0


def test_nulls_are_the_same_operation_on_matched_features(bench: Bench) -> None:
    report = bench.clamp(nulls=5, generate=0)
    assert len(report.null_features) == 5
    alone = []
    for (stand_in,) in report.null_features:
        assert stand_in != report.feature
        assert bench.catalogue.columns["density"][stand_in] > 0
        edits = [FeatureEdit(feature=stand_in, value=5.0, unit="max")]
        alone.append(bench.clamp(edits=edits, nulls=0, generate=0))
    for index, prompt in enumerate(report.prompts):
        effects = [each.prompts[index].kl for each in alone]
        assert prompt.null is not None
        assert prompt.null.n == 5
        assert prompt.null.mean == pytest.approx(sum(effects) / 5, rel=1e-4)
        assert prompt.null.p == (1 + sum(effect >= prompt.kl for effect in effects)) / 6
        assert min(effects) * 0.999 <= prompt.null.low <= prompt.null.high
        assert prompt.null.high <= max(effects) * 1.001


def test_small_batches_change_nothing(
    bench: Bench, report: ModelReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.interventions.prompt_run.LOGITS_AT_ONCE", 1)
    again = bench.clamp()
    for one, other in zip(report.prompts, again.prompts, strict=True):
        assert other.kl == pytest.approx(one.kl, rel=1e-4)
        assert one.null is not None
        assert other.null is not None
        assert other.null.mean == pytest.approx(one.null.mean, rel=1e-4)


def test_prompts_together_are_reported_as_each_is_alone(bench: Bench) -> None:
    prompts = [*PROMPTS, "Lily", "One day, a big bird saw a small fish in the blue sea and said"]
    together = bench.clamp(prompts=prompts, generate=9)
    for prompt, text in zip(together.prompts, prompts, strict=True):
        report = bench.clamp(prompts=[text], generate=9)
        (alone,) = report.prompts
        assert report.null_features == together.null_features
        for name in ("kl", "mean_abs_diff", "max_abs_diff", "delta_ce", "relative_norm"):
            assert getattr(prompt, name) == pytest.approx(getattr(alone, name), rel=1e-4, abs=1e-6)
        assert prompt.kl_per_position == pytest.approx(alone.kl_per_position, rel=1e-3, abs=1e-6)
        assert alone.null is not None
        assert prompt.null is not None
        assert prompt.null.mean == pytest.approx(alone.null.mean, rel=1e-4)
        assert prompt.null.p == alone.null.p
        for name in ("tokens", "edited_tokens", "baseline_text", "edited_text", "divergence"):
            assert getattr(prompt, name) == getattr(alone, name)


def test_the_same_request_gives_the_same_report(bench: Bench, report: ModelReport) -> None:
    assert msgspec.json.encode(bench.clamp()) == msgspec.json.encode(report)


def test_a_silent_feature_has_no_null_and_a_warning(bench: Bench) -> None:
    silent = int((bench.catalogue.columns["max"] == 0).argmax())
    assert bench.catalogue.columns["max"][silent] == 0
    report = bench.clamp(edits=[FeatureEdit(feature=silent, value=2.0)], generate=0)
    assert report.null_features == []
    assert all(prompt.null is None and prompt.kl > 0 for prompt in report.prompts)
    assert any("never active in stories" in warning for warning in report.warnings)


def test_strong_edits_are_warned_of(bench: Bench) -> None:
    def warned(times: float) -> bool:
        edits = [FeatureEdit(feature=bench.busiest(), value=times, unit="max")]
        report = bench.clamp(edits=edits, generate=0, nulls=0)
        return any("Off distribution" in warning for warning in report.warnings)

    assert warned(50.0)
    assert not warned(0.05)


def test_generated_tokens_are_edited_too(bench: Bench) -> None:
    """Only positions that the prompt doesn't have: all that differs was done while generating."""
    length = max(len(encode(bench.lm, prompt)) for prompt in PROMPTS)
    edits = [FeatureEdit(feature=bench.busiest(), value=20.0, unit="max")]
    report = bench.clamp(edits=edits, positions=(length, None), generate=12, nulls=0)
    assert any(prompt.divergence for prompt in report.prompts)
    for prompt in report.prompts:
        assert prompt.divergence is None or prompt.divergence > 0
        assert all(row.logp_before == row.logp_after for row in prompt.next_token)
        assert prompt.delta_ce == 0


def test_the_report_is_what_the_contract_says(report: ModelReport) -> None:
    told = msgspec.json.decode(msgspec.json.encode(report))
    assert told.keys() >= {"feature", "operation", "prompts", "checks", "reproduce"}
    assert told["checks"].keys() >= {"no_op", "hf_identical", "error_kept"}
    for prompt in told["prompts"]:
        assert prompt.keys() >= {
            *("prompt", "mean_abs_diff", "max_abs_diff", "top_dims", "kl", "delta_ce"),
            *("next_token", "baseline_text", "edited_text", "null"),
        }
        assert len(prompt["top_dims"]) == 5
        assert prompt["top_dims"][0].keys() == {"dim", "delta", "token"}
        assert prompt["next_token"][0].keys() == {"token", "logp_before", "logp_after"}
        assert prompt["null"].keys() == {"n", "mean", "low", "high", "p"}
    assert told["reproduce"].startswith(f"brainsurg clamp s --feature {report.feature} ")
    assert msgspec.json.decode(msgspec.json.encode(report), type=ModelReport) == report
