"""Attention sinks are left as they are, wherever they stand, and reports name them."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
import torch
from torch import Tensor

from engine.activations.store.row_summary import RowCounts, RowSummary, SinkRule
from engine.features.catalogue.catalogue import Catalogue
from engine.features.left_out import LeftOut
from engine.interventions.clamp import clamp
from engine.interventions.firing import find_firing
from engine.interventions.prompt_run import ModelWithSAE
from engine.interventions.spec import (
    ClampReport,
    EditedPrompt,
    ModelReport,
    ReconstructionReport,
)
from engine.interventions.steering import PositionMask
from engine.model.observe import observe
from engine.model.text import decode, encode
from tests.interventions.bench import PROMPTS, SITE, Bench

NEW = 6
RULE = SinkRule.of_median(20.0)


@pytest.fixture(scope="module")
def sinks(bench: Bench) -> Iterator[set[int]]:
    """Ids of tokens whose activations are made massive, of which each prompt has one."""
    clean = [
        bench.lm.model.generate(encode(bench.lm, text)[None], max_new_tokens=NEW, do_sample=False)
        for text in PROMPTS
    ]
    ids = {int(text[0, place]) for text in clean for place in (3, -3)}

    def swell(_: Any, args: tuple[Tensor], embedded: Tensor) -> Tensor:
        chosen = torch.isin(args[0], torch.tensor(sorted(ids)))
        return torch.where(chosen[..., None], embedded + 400 * embedded.sign(), embedded)

    hook = bench.lm.model.get_input_embeddings().register_forward_hook(swell)
    yield ids
    hook.remove()


@pytest.fixture(scope="module")
def catalogue(bench: Bench) -> Catalogue:
    """The bench's, which knows from which length on an activation is a sink's."""
    known = copy.copy(bench.catalogue)
    summary = RowSummary(rule=RULE, counts=RowCounts())
    known.manifest = msgspec.structs.replace(known.manifest, row_summary=summary)
    return known


def report_of(bench: Bench, catalogue: Catalogue, **changes: object) -> ClampReport:
    subject = ModelWithSAE.from_scan(bench.lm, bench.sae, SITE, catalogue)
    return clamp(subject, catalogue, bench.request(generate=NEW, **changes))


def without_rule(catalogue: Catalogue) -> Catalogue:
    """The same as a scan made it that knew no sinks."""
    old = copy.copy(catalogue)
    old.manifest = msgspec.structs.replace(catalogue.manifest, row_summary=None)
    return old


@pytest.fixture(scope="module")
def report(bench: Bench, catalogue: Catalogue, sinks: set[int]) -> ModelReport:
    made = report_of(bench, catalogue)
    assert isinstance(made, ModelReport)
    return made


def text_of(bench: Bench, prompt: EditedPrompt) -> Tensor:
    """The token ids [1, tokens] of prompt and continuation."""
    ids = encode(bench.lm, prompt.prompt)[None]
    return bench.lm.model.generate(ids, max_new_tokens=NEW, do_sample=False)


@contextmanager
def by_hand(bench: Bench, report: ModelReport) -> Iterator[None]:
    """The clamp by a hook of our own: BOS, the first token, and sinks are left out."""
    feature, place = report.feature, 0
    target = report.edits[0].value * report.maxima[0]

    def hook(_: Any, __: Any, x: Tensor) -> Tensor:
        nonlocal place
        z = bench.sae.encode(x)[..., feature]
        positions = torch.arange(place, place + x.shape[1])
        place += x.shape[1]
        edited = (positions > 0) & (x.norm(dim=-1) <= RULE.max_norm)
        added = (target - z)[..., None] * bench.sae.W_dec[feature]
        return x + added * edited[..., None]

    handle = bench.lm.layers[SITE.layer].register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@pytest.mark.parametrize("index", [0, 1])
@torch.no_grad()
def test_all_is_as_if_sinks_were_left_out_by_hand(
    bench: Bench, report: ModelReport, sinks: set[int], index: int
) -> None:
    prompt = report.prompts[index]
    ids = text_of(bench, prompt)  # with sinks, the model writes other tokens than it did before
    norms = observe(bench.lm, ids, [SITE])[SITE][0].norm(dim=-1)
    is_sink = norms > RULE.max_norm
    assert is_sink.tolist() == [i in sinks for i in ids[0].tolist()]
    assert is_sink[: prompt.prompt_tokens].any()
    clean = bench.lm.model(ids).logits[0].double()
    with by_hand(bench, report):
        edited = bench.lm.model(ids).logits[0].double()
    with by_hand(bench, report):
        asked = ids[:, : prompt.prompt_tokens]
        written = bench.lm.model.generate(asked, max_new_tokens=NEW, do_sample=False)
    p, q = clean.log_softmax(-1), edited.log_softmax(-1)
    kl = (p.exp() * (p - q)).sum(-1)
    assert prompt.kl_per_position == pytest.approx(kl.tolist(), rel=1e-3, abs=1e-6)
    assert prompt.kl == pytest.approx(kl[~is_sink].mean().item(), rel=1e-3)
    assert prompt.edited_text == decode(bench.lm, written[0, prompt.prompt_tokens :])
    assert prompt.edited_tokens == len(prompt.tokens) - 1 - int(is_sink.sum())
    expected = [LeftOut(position=0, reason="start")]
    expected += [
        LeftOut(position=place, reason="sink") for place in is_sink.nonzero().flatten().tolist()
    ]
    assert prompt.left_out == expected
    assert not {top.token for top in prompt.top_dims} & {one.position for one in expected}


def test_checks_say_that_sinks_were_not_moved(report: ModelReport) -> None:
    checks = report.checks
    assert (checks.no_op, checks.hf_identical, checks.error_kept) == (True,) * 3
    assert (checks.bos_masked, checks.sinks_masked) == (True, True)


def test_means_are_over_what_is_no_sink(
    bench: Bench, report: ModelReport, catalogue: Catalogue, sinks: set[int]
) -> None:
    kept = report_of(bench, without_rule(catalogue))
    left_out = report
    assert isinstance(kept, ModelReport)
    assert kept.checks.sinks_masked is None
    for one, other in zip(kept.prompts, left_out.prompts, strict=True):
        count = sum(each.reason == "sink" for each in other.left_out)
        assert count
        assert one.edited_tokens == other.edited_tokens + count
        assert one.kl != pytest.approx(other.kl, rel=1e-3)
        assert [each.reason for each in one.left_out] == ["start"]


def test_an_edit_of_sinks_is_noticed(
    bench: Bench, catalogue: Catalogue, sinks: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(self: PositionMask, positions: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return self.within(positions) & ~self.is_start(positions)

    monkeypatch.setattr(PositionMask, "at", careless)
    found = report_of(bench, catalogue, nulls=0)
    assert isinstance(found, ModelReport)
    assert (found.checks.bos_masked, found.checks.sinks_masked) == (True, False)


def test_the_reconstruction_leaves_sinks_out_and_nothing_else(
    bench: Bench, catalogue: Catalogue, sinks: set[int]
) -> None:
    found = report_of(bench, catalogue, view="reconstruction")
    assert isinstance(found, ReconstructionReport)
    for prompt in found.prompts:
        assert {one.reason for one in prompt.left_out} == {"sink"}
        places = {one.position for one in prompt.left_out}
        assert not places & {top.token for top in prompt.top_dims}


def test_a_reconstruction_names_a_bos_that_is_a_sink_and_edits_any_other(
    bench: Bench, catalogue: Catalogue
) -> None:
    bos = encode(bench.lm, "")
    length = observe(bench.lm, bos[None], [SITE])[SITE][0, 0].norm().item()

    def report_at(max_norm: float) -> ReconstructionReport:
        rule = msgspec.structs.replace(RULE, max_norm=max_norm)
        known = copy.copy(catalogue)
        summary = RowSummary(rule=rule, counts=RowCounts())
        known.manifest = msgspec.structs.replace(catalogue.manifest, row_summary=summary)
        found = report_of(bench, known, view="reconstruction", positions=(0, 1))
        assert isinstance(found, ReconstructionReport)
        return found

    for prompt in report_at(0.9 * length).prompts:
        assert prompt.left_out == [LeftOut(position=0, reason="sink")]
        assert prompt.max_abs_diff == 0
    for prompt in report_at(1.1 * length).prompts:
        assert prompt.left_out == []
        assert {top.token for top in prompt.top_dims} == {0}


def test_a_search_leaves_sinks_out(bench: Bench, sinks: set[int]) -> None:
    found = find_firing(ModelWithSAE(bench.lm, bench.sae, SITE, RULE.max_norm), PROMPTS[0])
    all_of_them = find_firing(ModelWithSAE(bench.lm, bench.sae, SITE), PROMPTS[0])
    ids = encode(bench.lm, PROMPTS[0]).tolist()
    places = [place for place, id in enumerate(ids) if id in sinks]
    assert places
    assert [one.position for one in found.left_out if one.reason == "sink"] == places
    assert [one.position for one in all_of_them.left_out] == [0]
    for feature in found.features:
        assert not any(feature.activations[place] for place in places)
    assert any(f.activations[place] for f in all_of_them.features for place in places)


@pytest.mark.parametrize("view", ["model", "reconstruction"])
def test_a_scan_that_knows_no_sinks_is_warned_of(
    bench: Bench, catalogue: Catalogue, view: str
) -> None:
    def warned(known: Catalogue) -> bool:
        report = report_of(bench, known, view=view, nulls=0)
        return any("older than the search for attention sinks" in one for one in report.warnings)

    assert warned(without_rule(catalogue))
    assert not warned(catalogue)
